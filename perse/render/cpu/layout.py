"""Rows of an array as columns of `Lanes` and back: sixteen rows of a (N, 3), (N, 4) or (N, 16) array at a time.

Arrays come flat (`array.reshape(-1)`), contiguous, float32; `index` is where the first of the sixteen rows begins. Nothing is
bounds-checked.
"""

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from .lanes import _INT, _INT_VECTOR, _VECTOR, _address, _int_constant, _mask
from .lanes import lanes16 as lanes

ROWS = 16  # at a time, on every machine


def _split(builder, vectors, parts):
    """Vectors that hold rows of `parts` numbers one after the other -> one vector a part."""
    out = []
    for part in range(parts):
        wanted = [parts * lane + part for lane in range(ROWS)]  # positions in all vectors together
        out.append(_gather(builder, vectors, wanted))
    return out


def _join(builder, columns):
    """The way back from `_split`."""
    parts = len(columns)
    flat = [(position % parts) * ROWS + position // parts for position in range(ROWS * parts)]
    return [_gather(builder, columns, flat[ROWS * k : ROWS * (k + 1)]) for k in range(parts)]


def _gather(builder, vectors, wanted):
    """A vector of the elements at positions `wanted` of `vectors` laid end to end: a shuffle for each vector but one."""
    result = vectors[0]
    for number, vector in enumerate(vectors[1:], 1):
        mask = []
        for lane, position in enumerate(wanted):
            if position // ROWS == number:
                mask.append(ROWS + position % ROWS)
            else:  # of the first vector as it lies there, of what later rounds hold as it lies already
                mask.append(position if number == 1 and position < ROWS else lane)
        result = builder.shuffle_vector(result, vector, _mask(mask))
    return result


def _loads(context, builder, sig, args, parts):
    step = [builder.add(args[1], ir.Constant(args[1].type, ROWS * k)) for k in range(parts)]
    return [builder.load(_address(context, builder, sig.args[0], args[0], at), align=4) for at in step]


def _stores(context, builder, sig, args, vectors):
    for k, vector in enumerate(vectors):
        at = builder.add(args[1], ir.Constant(args[1].type, ROWS * k))
        address = _address(context, builder, sig.args[0], args[0], at)
        if vector.type == _INT_VECTOR:
            address = builder.bitcast(address, _INT_VECTOR.as_pointer())
        builder.store(vector, address, align=4)
    return context.get_dummy_value()


def _loader(parts, meaning):
    def load_rows(typingctx, array, index):
        kind = types.UniTuple(lanes, parts)

        def codegen(context, builder, sig, args):
            return context.make_tuple(builder, kind, _split(builder, _loads(context, builder, sig, args, parts), parts))

        return kind(array, types.intp), codegen

    load_rows.__doc__ = meaning
    return intrinsic(load_rows)


load3 = _loader(3, "Sixteen rows of three numbers, as three Lanes.")
load4 = _loader(4, "Sixteen rows of four numbers, as four Lanes.")


@intrinsic
def store3(typingctx, array, index, a, b, c):
    """Write sixteen rows of three numbers."""

    def codegen(context, builder, sig, args):
        return _stores(context, builder, sig, args, _join(builder, list(args[2:])))

    return types.void(array, types.intp, lanes, lanes, lanes), codegen


@intrinsic
def store4(typingctx, array, index, a, b, c, d):
    """Write sixteen rows of four numbers."""

    def codegen(context, builder, sig, args):
        return _stores(context, builder, sig, args, _join(builder, list(args[2:])))

    return types.void(array, types.intp, lanes, lanes, lanes, lanes), codegen


@intrinsic
def store_ranges(typingctx, array, index, left, right, top, bottom, wide, high):
    """Write sixteen ranges of columns and of rows to a contiguous int32 array (1-D): left, right, top, bottom, cut off towards
    zero and kept within a grid `wide` by `high`. Every lane must fit into an int32."""

    def codegen(context, builder, sig, args):
        def spread(value):
            lane = builder.insert_element(ir.Constant(_INT_VECTOR, ir.Undefined), builder.trunc(value, _INT), ir.Constant(_INT, 0))
            return builder.shuffle_vector(lane, ir.Constant(_INT_VECTOR, ir.Undefined), _mask([0] * ROWS))

        def kept(value, most):
            value = builder.fptosi(value, _INT_VECTOR)
            value = builder.select(builder.icmp_signed(">", value, _int_constant(0)), value, _int_constant(0))
            return builder.select(builder.icmp_signed("<", value, most), value, most)

        wide, high = spread(args[6]), spread(args[7])
        ranges = [kept(value, most) for value, most in zip(args[2:6], (wide, wide, high, high))]
        return _stores(context, builder, sig, args, _join(builder, ranges))

    return types.void(array, types.intp, lanes, lanes, lanes, lanes, types.intp, types.intp), codegen


def _transposed(builder, rows):
    """A 16 x 16 matrix turned: four rounds, in each of which rows 1, 2, 4, 8 apart swap halves, quarters … of themselves."""
    rows = list(rows)
    span = ROWS // 2
    while span:
        for k in range(ROWS):
            if not k & span:
                a, b = rows[k], rows[k + span]
                low = [lane if not lane & span else ROWS + lane - span for lane in range(ROWS)]
                high = [lane + span if not lane & span else ROWS + lane for lane in range(ROWS)]
                rows[k], rows[k + span] = (builder.shuffle_vector(a, b, _mask(mask)) for mask in (low, high))
        span //= 2
    return rows


@intrinsic
def store_rows(typingctx, array, index, columns):
    """Write sixteen rows of sixteen numbers; columns: a tuple of Lanes for the first of them, the rest is undefined."""
    count = len(columns)

    def codegen(context, builder, sig, args):
        given = [builder.extract_value(args[2], k) for k in range(count)]
        rows = _transposed(builder, given + [ir.Constant(_VECTOR, ir.Undefined)] * (ROWS - count))
        return _stores(context, builder, sig, args, rows)

    return types.void(array, types.intp, columns), codegen


@intrinsic
def load_rows(typingctx, array, index):
    """Sixteen rows of sixteen numbers, as sixteen Lanes."""
    kind = types.UniTuple(lanes, ROWS)

    def codegen(context, builder, sig, args):
        rows = _transposed(builder, _loads(context, builder, sig, args, ROWS))
        return context.make_tuple(builder, kind, rows)

    return kind(array, types.intp), codegen
