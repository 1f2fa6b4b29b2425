"""Sixteen float32 lanes as one value inside numba code.

LLVM's auto-vectoriser gives up on the blending loops at the slightest change, so they use explicit vectors. A `Lanes`
value is an LLVM `<16 x float>`: one AVX-512 register, two AVX or four NEON ones; LLVM splits it where needed. `+`, `-`
and `*` work on two Lanes, `-` on one; the functions below do the rest. All of it is usable inside numba code only.

numba keys its cache on the file of the kernel alone: after a change here, touch the files that import it.
"""

import operator

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

WIDTH = 16
_FLOAT = ir.FloatType()
_INT = ir.IntType(32)
_VECTOR = ir.VectorType(_FLOAT, WIDTH)
_INT_VECTOR = ir.VectorType(_INT, WIDTH)
# Minimax fit (relative error) of 2**x on [-1/2, 1/2], highest power first; the last one set to exactly 1.
_EXP2 = (1.3276472e-3, 9.6755419e-3, 5.5507131e-2, 2.4022120e-1, 6.9314694e-1, 1.0)


class Lanes(types.Type):
    """The numba type of sixteen float32 lanes."""

    def __init__(self):
        super().__init__(name="float32x16")


lanes = Lanes()


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, _VECTOR)


def _operator(function, instruction):
    class Template(ConcreteTemplate):
        cases = [signature(lanes, lanes, lanes)]

    infer_global(function)(Template)

    @lower_builtin(function, lanes, lanes)
    def lower(context, builder, sig, args):
        return getattr(builder, instruction)(*args)


for _function, _instruction in ((operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul")):
    _operator(_function, _instruction)


class _Negation(ConcreteTemplate):
    cases = [signature(lanes, lanes)]


infer_global(operator.neg)(_Negation)


@lower_builtin(operator.neg, lanes)
def _negate(context, builder, sig, args):
    return builder.fneg(args[0])


def _constant(value: float) -> ir.Constant:
    return ir.Constant(_VECTOR, [ir.Constant(_FLOAT, value)] * WIDTH)


def _int_constant(value: int) -> ir.Constant:
    return ir.Constant(_INT_VECTOR, [ir.Constant(_INT, value)] * WIDTH)


def _mask(lanes_taken) -> ir.Constant:
    """What shuffle_vector takes: for each lane of the result, the lane it comes from."""
    return ir.Constant(ir.VectorType(_INT, len(lanes_taken)), [ir.Constant(_INT, lane) for lane in lanes_taken])


def _call(builder, name, result, args, **flags):
    kind = ir.FunctionType(result, [arg.type for arg in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), args, **flags)


def _fma(builder, a, b, c):
    # fmuladd, not fma: without the hardware instruction the latter becomes sixteen library calls.
    return _call(builder, "llvm.fmuladd.v16f32", _VECTOR, [a, b, c])


def _address(context, builder, array_type, array, index):
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index], inbounds=True), _VECTOR.as_pointer())


@intrinsic
def splat(typingctx, value):
    """The same float32 in every lane."""

    def codegen(context, builder, sig, args):
        first = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), args[0], ir.Constant(_INT, 0))
        return builder.shuffle_vector(first, ir.Constant(_VECTOR, ir.Undefined), _int_constant(0))

    return lanes(types.float32), codegen


def _pattern(values, meaning):
    """An intrinsic without arguments that gives these sixteen numbers."""

    def pattern(typingctx):
        def codegen(context, builder, sig, args):
            return ir.Constant(_VECTOR, [ir.Constant(_FLOAT, float(value)) for value in values])

        return lanes(), codegen

    pattern.__doc__ = meaning
    return intrinsic(pattern)


columns = _pattern(
    [lane // 4 for lane in range(WIDTH)], "Lane -> its column in a block of 4 x 4 pixels stored column by column."
)
rows = _pattern([lane % 4 for lane in range(WIDTH)], "Lane -> its row in that block.")
# Sixteen lanes describe eight strips of four rows: first their left ends, then their right ones.
sides = _pattern([-1.0] * 8 + [1.0] * 8, "-1 for a left end, +1 for a right one.")
strip_rows = _pattern([4 * (lane % 8) for lane in range(WIDTH)], "The first row of the lane's strip.")


@intrinsic
def load(typingctx, array, index):
    """Sixteen neighbours from a contiguous float32 array (1-D), from `index` on, without a bounds check."""

    def codegen(context, builder, sig, args):
        return builder.load(_address(context, builder, sig.args[0], *args), align=4)

    return lanes(array, types.intp), codegen


@intrinsic
def aligned(typingctx, array):
    """The first index of a contiguous float32 array (1-D) that lies on a cache line of 64 bytes."""

    def codegen(context, builder, sig, args):
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        address = builder.ptrtoint(data, ir.IntType(64))
        gap = builder.and_(builder.neg(address), ir.Constant(ir.IntType(64), 63))
        return builder.lshr(gap, ir.Constant(ir.IntType(64), 2))

    return types.intp(array), codegen


@intrinsic
def prefetch(typingctx, array, row):
    """Ask for the cache line where a row of a contiguous float32 array (2-D, 16 columns) begins."""

    def codegen(context, builder, sig, args):
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        offset = builder.mul(args[1], ir.Constant(args[1].type, WIDTH))
        address = builder.bitcast(builder.gep(data, [offset]), ir.IntType(8).as_pointer())
        flags = [ir.Constant(_INT, value) for value in (0, 3, 1)]  # to read, keep in every cache, data
        _call(builder, "llvm.prefetch.p0", ir.VoidType(), [address, *flags])
        return context.get_dummy_value()

    return types.void(array, types.intp), codegen


@intrinsic
def store(typingctx, array, index, value):
    """Write sixteen neighbours, from `index` on, without a bounds check."""

    def codegen(context, builder, sig, args):
        builder.store(args[2], _address(context, builder, sig.args[0], *args[:2]), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), codegen


@intrinsic
def store_strips(typingctx, array, index, edges, pitch):
    """Write where the blocks of eight strips begin, and how many there are, to a contiguous int32 array, from `index` on.

    edges: ends of the strips as `sides` orders them, in columns, cut off towards zero; every lane holds a number from 0 to TILE.
    pitch: floats a strip. A strip whose left end lies beyond its right one holds nothing: no count is negative.
    """

    def codegen(context, builder, sig, args):
        eight = ir.VectorType(_INT, 8)

        def each(value):
            return ir.Constant(eight, [ir.Constant(_INT, value)] * 8)

        ends = builder.fptosi(args[2], _INT_VECTOR)
        left, right = (builder.shuffle_vector(ends, ends, _mask(range(first, first + 8))) for first in (0, 8))
        start = builder.and_(left, each(-4))
        count = builder.ashr(builder.add(builder.sub(right, start), each(3)), each(2))
        count = builder.select(builder.icmp_signed(">", count, each(0)), count, each(0))
        lane = builder.insert_element(ir.Constant(eight, ir.Undefined), builder.trunc(args[3], _INT), ir.Constant(_INT, 0))
        pitches = builder.mul(builder.shuffle_vector(lane, ir.Constant(eight, ir.Undefined), _mask([0] * 8)), _mask(range(8)))
        both = builder.shuffle_vector(builder.add(builder.shl(start, each(2)), pitches), count, _mask(range(WIDTH)))
        address = _address(context, builder, sig.args[0], *args[:2])
        builder.store(both, builder.bitcast(address, _INT_VECTOR.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes, types.intp), codegen


@intrinsic
def store_run(typingctx, array, index, first, step):
    """Write first, first + step, ... first + 7 step to a contiguous int32 array (1-D), from `index` on."""

    def codegen(context, builder, sig, args):
        eight = ir.VectorType(_INT, 8)

        def spread(value):
            lane = builder.insert_element(ir.Constant(eight, ir.Undefined), builder.trunc(value, _INT), ir.Constant(_INT, 0))
            return builder.shuffle_vector(lane, ir.Constant(eight, ir.Undefined), _mask([0] * 8))

        run = builder.add(spread(args[2]), builder.mul(spread(args[3]), _mask(range(8))))
        address = _address(context, builder, sig.args[0], *args[:2])
        builder.store(run, builder.bitcast(address, eight.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, types.intp), codegen


@intrinsic
def fma(typingctx, a, b, c):
    """a * b + c, rounded once where the machine can."""

    def codegen(context, builder, sig, args):
        return _fma(builder, *args)

    return lanes(lanes, lanes, lanes), codegen


@intrinsic
def divide(typingctx, a, b):
    """a / b."""

    def codegen(context, builder, sig, args):
        return builder.fdiv(*args)

    return lanes(lanes, lanes), codegen


@intrinsic
def inverse(typingctx, a):
    """1 / a for normal a > 0, to 2e-7 relative: a third of a division's time.

    The bits of a guess within 12 %, by negating those of a about a constant; then twice Halley's step x (1 + e + e^2) with
    e = 1 - a x, which cubes the error.
    """

    def codegen(context, builder, sig, args):
        guess = builder.sub(_int_constant(0x7EF311C7), builder.bitcast(args[0], _INT_VECTOR))
        x, minus, one = builder.bitcast(guess, _VECTOR), builder.fneg(args[0]), _constant(1.0)
        for _ in range(2):
            error = _fma(builder, minus, x, one)
            x = _fma(builder, x, _fma(builder, error, error, error), x)
        return x

    return lanes(lanes), codegen


@intrinsic
def lowest(typingctx, a, b):
    """The smaller of two, lane by lane; b where one is not a number."""

    def codegen(context, builder, sig, args):
        return builder.select(builder.fcmp_ordered("<", *args), *args)

    return lanes(lanes, lanes), codegen


@intrinsic
def highest(typingctx, a, b):
    """The larger of two, lane by lane; b where one is not a number."""

    def codegen(context, builder, sig, args):
        return builder.select(builder.fcmp_ordered(">", *args), *args)

    return lanes(lanes, lanes), codegen


@intrinsic
def floor(typingctx, a):
    """The largest whole number that is not above a."""

    def codegen(context, builder, sig, args):
        return _call(builder, "llvm.floor.v16f32", _VECTOR, list(args))

    return lanes(lanes), codegen


@intrinsic
def root(typingctx, a):
    """The square root."""

    def codegen(context, builder, sig, args):
        return _call(builder, "llvm.sqrt.v16f32", _VECTOR, list(args))

    return lanes(lanes), codegen


@intrinsic
def where_greater(typingctx, a, b, yes, no):
    """yes where a > b, no elsewhere (also where one is not a number)."""

    def codegen(context, builder, sig, args):
        return builder.select(builder.fcmp_ordered(">", args[0], args[1]), args[2], args[3])

    return lanes(lanes, lanes, lanes, lanes), codegen


@intrinsic
def where_at_least(typingctx, a, b, yes, no):
    """yes where a >= b, no elsewhere (also where one is not a number)."""

    def codegen(context, builder, sig, args):
        return builder.select(builder.fcmp_ordered(">=", args[0], args[1]), args[2], args[3])

    return lanes(lanes, lanes, lanes, lanes), codegen


@intrinsic
def minus_abs(typingctx, a):
    """-|a|: the sign bit set."""

    def codegen(context, builder, sig, args):
        bits = builder.or_(builder.bitcast(args[0], _INT_VECTOR), _int_constant(-(2**31)))
        return builder.bitcast(bits, _VECTOR)

    return lanes(lanes), codegen


@intrinsic
def exp2(typingctx, a):
    """2 ** a for -126 <= a <= 127, to 3e-7 relative; anything outside.

    Rounds a to an integer n by adding and taking away 1.5 * 2**23, which leaves n in the low bits, evaluates a
    degree-5 minimax polynomial of 2**x on [-1/2, 1/2], and adds n to the exponent.
    """

    def codegen(context, builder, sig, args):
        magic = _constant(12582912.0)
        shifted = builder.fadd(args[0], magic)
        rest = builder.fsub(args[0], builder.fsub(shifted, magic))
        result = _constant(_EXP2[0])
        for coefficient in _EXP2[1:]:
            result = _fma(builder, result, rest, _constant(coefficient))
        scale = builder.shl(builder.bitcast(shifted, _INT_VECTOR), _int_constant(23))
        return builder.bitcast(builder.add(builder.bitcast(result, _INT_VECTOR), scale), _VECTOR)

    return lanes(lanes), codegen


@intrinsic
def log2(typingctx, a):
    """The binary logarithm of a > 0 (normal numbers), to 2e-7 absolute or relative, whichever is larger; anything otherwise.

    The exponent, and of the mantissa m in [sqrt(1/2), sqrt(2)) the series of 2 artanh((m - 1) / (m + 1)).
    """

    def codegen(context, builder, sig, args):
        bits = builder.bitcast(args[0], _INT_VECTOR)
        # Where the mantissa's own bits exceed those of sqrt(2) the exponent rounds up.
        shifted = builder.add(bits, _int_constant(0x3F800000 - 0x3F3504F3))
        exponent = builder.sub(builder.ashr(shifted, _int_constant(23)), _int_constant(127))
        mantissa = builder.sub(bits, builder.shl(exponent, _int_constant(23)))
        m = builder.bitcast(mantissa, _VECTOR)
        s = builder.fdiv(builder.fsub(m, _constant(1.0)), builder.fadd(m, _constant(1.0)))
        square = builder.fmul(s, s)
        scale = 2.0 / 0.6931471805599453
        series = _constant(scale / 9)
        for power in (7, 5, 3, 1):
            series = _fma(builder, series, square, _constant(scale / power))
        return builder.fadd(builder.sitofp(exponent, _VECTOR), builder.fmul(series, s))

    return lanes(lanes), codegen


@intrinsic
def total(typingctx, a):
    """The sum of the lanes, always in the same order of additions."""

    def codegen(context, builder, sig, args):
        value = args[0]
        half = WIDTH // 2
        while half >= 1:
            mask = _mask([lane + half if lane < half else 0 for lane in range(WIDTH)])
            other = builder.shuffle_vector(value, value, mask)
            value = builder.fadd(value, other)
            half //= 2
        return builder.extract_element(value, ir.Constant(_INT, 0))

    return types.float32(lanes), codegen


@intrinsic
def store_totals(typingctx, array, index, a, b, c, d, e, f, g, h):
    """Write the sums of the lanes of eight values to eight neighbours of a contiguous float32 array, from `index` on.

    Eight sums for less than the price of three: values share a register as soon as they are half as long. Always in the
    same order of additions.
    """

    def codegen(context, builder, sig, args):
        def merge(first, second, low, high):
            def pick(mask):
                return builder.shuffle_vector(first, second, _mask(mask))

            return builder.fadd(pick(low), pick(high))

        def by_fours(pattern):  # the same shuffle in each group of four lanes; 4.. names the second operand
            return [4 * group + (k if k < 4 else WIDTH - 4 + k) for group in range(4) for k in pattern]

        values = list(args[2:])
        pairs = [
            merge(values[k], values[k + 1], by_fours((0, 4, 1, 5)), by_fours((2, 6, 3, 7))) for k in range(0, 8, 2)
        ]
        fours = [merge(pairs[k], pairs[k + 1], by_fours((0, 1, 4, 5)), by_fours((2, 3, 6, 7))) for k in (0, 2)]
        # Now each group of four lanes holds partial sums of four values: add the groups.
        both = merge(*fours, [*range(8), *range(16, 24)], [*range(8, 16), *range(24, 32)])
        low, high = [*range(4), *range(8, 12)] * 2, [*range(4, 8), *range(12, 16)] * 2
        result = merge(both, both, low, high)
        eight = ir.VectorType(_FLOAT, 8)
        address = builder.bitcast(_address(context, builder, sig.args[0], *args[:2]), eight.as_pointer())
        builder.store(builder.shuffle_vector(result, result, _mask(range(8))), address, align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, *[lanes] * 8), codegen


@intrinsic
def any_positive(typingctx, a):
    """Whether any lane is > 0."""

    def codegen(context, builder, sig, args):
        mask = builder.fcmp_ordered(">", args[0], _constant(0.0))
        return builder.icmp_unsigned("!=", builder.bitcast(mask, ir.IntType(16)), ir.Constant(ir.IntType(16), 0))

    return types.boolean(lanes), codegen
