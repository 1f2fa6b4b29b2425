"""Float32 lanes as one value inside numba code: as many as this machine computes at once, or sixteen.

LLVM's auto-vectoriser gives up on the blending loops at the slightest change, so they use explicit vectors. A `Lanes`
value is an LLVM `<WIDTH x float>` or `<16 x float>`. WIDTH is 16 where the machine has AVX-512's registers, else 8: one AVX
register or two of NEON. Wider values than registers would leave those loops, which keep two dozen values at hand, without room.
What keeps few values, or has sixteen by its nature, takes sixteen lanes everywhere (the functions that end in 16), which LLVM splits
where needed. `+`, `-` and `*` work on two Lanes of one kind, `-` on one; the functions below do the rest, on either kind. All of it is
usable inside numba code only.

numba keys its cache on the kernel's file and the machine's features: after a change here, touch the files that import it.
"""

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from .lanes import (
    _FEATURES,
    _FLOAT,
    _INT,
    WIDTH,
    _address,
    _call,
    _constant,
    _elementwise,
    _fma,
    _int_constant,
    _ints,
    _mask,
    _same,
    _spread,
    lanes,
    lanes16,
)

# What `exp2` needs: 1.5 * 2**23, which rounds to integers; then a minimax fit (relative error, 2.8e-6) of 2**x on [-1/2, 1/2], highest
# power first, the last one exactly 1.
EXP2 = (12582912.0, 9.5828500e-3, 5.5906420e-2, 2.4024099e-1, 6.9312419e-1, 1.0)


def _splatter(kind, meaning):
    def splat(typingctx, value):
        def codegen(context, builder, sig, args):
            return _spread(builder, args[0], kind.width)

        return kind(types.float32), codegen

    splat.__doc__ = meaning
    return intrinsic(splat)


splat, splat16 = (_splatter(kind, f"The same float32 in {each} lane.") for kind, each in ((lanes, "every"), (lanes16, "each of sixteen")))


@intrinsic
def alike(typingctx, like, value):
    """The same float32 in every lane, of as many lanes as `like` has."""

    def codegen(context, builder, sig, args):
        return _spread(builder, args[1], args[0].type.count)

    return (like(like, types.float32), codegen) if _same(like) else None


def _pattern(values, kind, meaning):
    """An intrinsic without arguments that gives these numbers."""

    def pattern(typingctx):
        def codegen(context, builder, sig, args):
            return ir.Constant(ir.VectorType(_FLOAT, kind.width), [ir.Constant(_FLOAT, float(value)) for value in values])

        return kind(), codegen

    pattern.__doc__ = meaning
    return intrinsic(pattern)


columns = _pattern([lane // 4 + 0.5 for lane in range(16)], lanes16, "Lane -> its pixel's centre in a block of 4 x 4, across.")
rows = _pattern([lane % 4 + 0.5 for lane in range(16)], lanes16, "Lane -> its pixel's centre in that block, down.")
# Sixteen lanes describe eight strips of four rows: first their left ends, then their right ones.
sides = _pattern([-1.0] * 8 + [1.0] * 8, lanes16, "-1 for a left end, +1 for a right one.")
strip_rows = _pattern([4 * (lane % 8) for lane in range(16)], lanes16, "The first row of the lane's strip.")


def _loader(kind, meaning):
    def load(typingctx, array, index):
        def codegen(context, builder, sig, args):
            vector = ir.VectorType(_FLOAT, kind.width)
            return builder.load(_address(context, builder, sig.args[0], *args, vector), align=4)

        return kind(array, types.intp), codegen

    load.__doc__ = meaning
    return intrinsic(load)


load = _loader(lanes, "As many neighbours as lanes from a contiguous float32 array (1-D), from `index` on, without a bounds check.")
load16 = _loader(lanes16, "Sixteen neighbours from a contiguous float32 array (1-D), from `index` on, without a bounds check.")


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
        offset = builder.mul(args[1], ir.Constant(args[1].type, 16))
        address = builder.bitcast(builder.gep(data, [offset]), ir.IntType(8).as_pointer())
        flags = [ir.Constant(_INT, value) for value in (0, 3, 1)]  # to read, keep in every cache, data
        _call(builder, "llvm.prefetch.p0", ir.VoidType(), [address, *flags])
        return context.get_dummy_value()

    return types.void(array, types.intp), codegen


@intrinsic
def store(typingctx, array, index, value):
    """Write neighbours, as many as `value` has lanes, from `index` on, without a bounds check."""

    def codegen(context, builder, sig, args):
        builder.store(args[2], _address(context, builder, sig.args[0], *args[:2], args[2].type), align=4)
        return context.get_dummy_value()

    return (types.void(array, types.intp, value), codegen) if _same(value) else None


@intrinsic
def shelve(typingctx, shelf, place, value):
    """Put a value that a loop needs all the time where `recall` finds it; shelf: contiguous float32, sixteen for each place."""

    def codegen(context, builder, sig, args):
        if WIDTH == 8:
            index = builder.mul(args[1], ir.Constant(args[1].type, 16))
            builder.store(args[2], _address(context, builder, sig.args[0], args[0], index, args[2].type), align=4)
        return context.get_dummy_value()

    return (types.void(shelf, types.intp, value), codegen) if _same(value) else None


@intrinsic
def recall(typingctx, shelf, place, value):
    """The value, which has been put on the shelf.

    With 32 registers it is in one. With 16 it is read from memory where it is used, which costs nothing; LLVM, left to itself, keeps
    such numbers in registers and has none left for those that change. It only reads again what may have changed: see `forget`.
    """

    def codegen(context, builder, sig, args):
        if WIDTH == 16:
            return args[2]
        index = builder.mul(args[1], ir.Constant(args[1].type, 16))
        return builder.load(_address(context, builder, sig.args[0], args[0], index, args[2].type), align=4)

    return (value(shelf, types.intp, value), codegen) if _same(value) else None


@intrinsic
def forget(typingctx):
    """In a loop without a store: nothing is known of memory any more. Nothing happens where there are 32 registers."""

    def codegen(context, builder, sig, args):
        if WIDTH == 8:
            builder.asm(ir.FunctionType(ir.VoidType(), []), "", "~{memory}", [], True)
        return context.get_dummy_value()

    return types.void(), codegen


def _select(comparison):
    def build(builder, a, b, yes, no):
        return builder.select(builder.fcmp_ordered(comparison, a, b), yes, no)

    return build


def _extreme(comparison):
    def build(builder, a, b):
        return builder.select(builder.fcmp_ordered(comparison, a, b), a, b)

    return build


def _named(name):
    def build(builder, a):
        return _call(builder, f"llvm.{name}.v{a.type.count}f32", a.type, [a])

    return build


fma = _elementwise(3, _fma, "a * b + c, rounded once where the machine can.")
divide = _elementwise(2, lambda builder, a, b: builder.fdiv(a, b), "a / b.")
lowest = _elementwise(2, _extreme("<"), "The smaller of two, lane by lane; b where one is not a number.")
highest = _elementwise(2, _extreme(">"), "The larger of two, lane by lane; b where one is not a number.")
floor = _elementwise(1, _named("floor"), "The largest whole number that is not above a.")
root = _elementwise(1, _named("sqrt"), "The square root.")
where_greater = _elementwise(4, _select(">"), "yes where a > b, no elsewhere (also where one is not a number).")
where_at_least = _elementwise(4, _select(">="), "yes where a >= b, no elsewhere (also where one is not a number).")


def _guess(builder, a):
    """1 / a as the machine guesses it, and how many steps of Newton's make 2e-7 of that; or None where it does not guess."""
    width = a.type.count
    if "avx512f" in _FEATURES and width == 16:
        mask = ir.Constant(ir.IntType(16), -1)
        return _call(builder, "llvm.x86.avx512.rcp14.ps.512", a.type, [a, ir.Constant(a.type, [ir.Constant(_FLOAT, 0.0)] * width), mask])
    if "avx" in _FEATURES and width == 8:
        return _call(builder, "llvm.x86.avx.rcp.ps.256", a.type, [a])
    return None


def _inverse(builder, a):
    x, minus, one = _guess(builder, a), builder.fneg(a), _constant(1.0, a.type.count)
    if x is not None:  # to 4e-4 or better; a step of Newton's squares the error
        return _fma(builder, x, _fma(builder, minus, x, one), x)
    width = a.type.count
    bits = builder.sub(_int_constant(0x7EF311C7, width), builder.bitcast(a, _ints(width)))
    x = builder.bitcast(bits, a.type)
    for _ in range(2):
        error = _fma(builder, minus, x, one)
        x = _fma(builder, x, _fma(builder, error, error, error), x)
    return x


inverse = _elementwise(
    1,
    _inverse,
    """1 / a for 1e-30 < a < 1e30, to 3e-7 relative: a third of a division's time.

The machine's own guess and a step of Newton's; where there is none, the bits of a guess within 12 %, by negating those of a about a
constant, then twice Halley's step x (1 + e + e^2) with e = 1 - a x, which cubes the error. Guesses differ between makes of machine.
""",
)


def _bits(builder, a):
    return builder.bitcast(a, _ints(a.type.count))


def _minus_abs(builder, a, sign=None):
    sign = _constant(-0.0, a.type.count) if sign is None else sign
    return builder.bitcast(builder.or_(_bits(builder, a), _bits(builder, sign)), a.type)


minus_abs = _elementwise(1, _minus_abs, "-|a|: the sign bit set.")
signed = _elementwise(2, _minus_abs, "-|a|, where the second is -0.")


def _exp2(builder, a, magic, *coefficients):
    shifted = builder.fadd(a, magic)
    rest = builder.fsub(a, builder.fsub(shifted, magic))
    result = coefficients[0]
    for coefficient in coefficients[1:]:
        result = _fma(builder, result, rest, coefficient)
    scale = builder.shl(_bits(builder, shifted), _int_constant(23, a.type.count))
    return builder.bitcast(builder.add(_bits(builder, result), scale), a.type)


@intrinsic
def exp2(typingctx, a, magic, c4, c3, c2, c1, c0):
    """2 ** a for -126 <= a <= 127, to 3e-6 relative; anything outside. The rest is EXP2, a Lanes each.

    Rounds a to an integer n by adding and taking away a number that leaves n in the low bits, evaluates a polynomial of 2**x on
    [-1/2, 1/2], and adds n to the exponent.
    """

    def codegen(context, builder, sig, args):
        return _exp2(builder, *args)

    return (a(*[a] * 7), codegen) if _same(a, magic, c4, c3, c2, c1, c0) else None


def _log2(builder, a):
    width = a.type.count
    one, bits = _constant(1.0, width), builder.bitcast(a, _ints(width))
    # Where the mantissa's own bits exceed those of sqrt(2) the exponent rounds up.
    shifted = builder.add(bits, _int_constant(0x3F800000 - 0x3F3504F3, width))
    exponent = builder.sub(builder.ashr(shifted, _int_constant(23, width)), _int_constant(127, width))
    mantissa = builder.sub(bits, builder.shl(exponent, _int_constant(23, width)))
    m = builder.bitcast(mantissa, a.type)
    s = builder.fdiv(builder.fsub(m, one), builder.fadd(m, one))
    square = builder.fmul(s, s)
    scale = 2.0 / 0.6931471805599453
    series = _constant(scale / 9, width)
    for power in (7, 5, 3, 1):
        series = _fma(builder, series, square, _constant(scale / power, width))
    return builder.fadd(builder.sitofp(exponent, a.type), builder.fmul(series, s))


log2 = _elementwise(
    1,
    _log2,
    """The binary logarithm of a > 0 (normal numbers), to 2e-7 absolute or relative, whichever is larger; anything
otherwise.

The exponent, and of the mantissa m in [sqrt(1/2), sqrt(2)) the series of 2 artanh((m - 1) / (m + 1)).
""",
)


@intrinsic
def total(typingctx, a):
    """The sum of the lanes, always in the same order of additions."""

    def codegen(context, builder, sig, args):
        value = args[0]
        half = value.type.count // 2
        while half >= 1:
            mask = _mask([lane + half if lane < half else 0 for lane in range(value.type.count)])
            value = builder.fadd(value, builder.shuffle_vector(value, value, mask))
            half //= 2
        return builder.extract_element(value, ir.Constant(_INT, 0))

    return (types.float32(a), codegen) if _same(a) else None


@intrinsic
def store_totals(typingctx, array, index, a, b, c, d, e, f, g, h):
    """Write the sums of the lanes of eight values to eight neighbours of a contiguous float32 array, from `index` on.

    Eight sums for less than the price of three: values share a register as soon as they are half as long. Always in the
    same order of additions.
    """

    def codegen(context, builder, sig, args):
        width = args[2].type.count

        def merge(first, second, low, high):
            def pick(mask):
                return builder.shuffle_vector(first, second, _mask(mask))

            return builder.fadd(pick(low), pick(high))

        def by_fours(pattern):  # the same shuffle in each group of four lanes; 4.. names the second operand
            return [4 * group + (k if k < 4 else width - 4 + k) for group in range(width // 4) for k in pattern]

        def halves(at):  # of each of the two operands, half of the lanes from `at` on
            return [*range(at, at + width // 2), *range(width + at, width + at + width // 2)]

        values = list(args[2:])
        pairs = [merge(values[k], values[k + 1], by_fours((0, 4, 1, 5)), by_fours((2, 6, 3, 7))) for k in range(0, 8, 2)]
        fours = [merge(pairs[k], pairs[k + 1], by_fours((0, 1, 4, 5)), by_fours((2, 3, 6, 7))) for k in (0, 2)]
        # Now each group of four lanes holds partial sums of four values: add the groups.
        result = merge(*fours, halves(0), halves(width // 2))
        if width == 16:
            low, high = [*range(4), *range(8, 12)] * 2, [*range(4, 8), *range(12, 16)] * 2
            result = merge(result, result, low, high)
        eight = ir.VectorType(_FLOAT, 8)
        address = _address(context, builder, sig.args[0], *args[:2], eight)
        builder.store(builder.shuffle_vector(result, result, _mask(range(8))), address, align=4)
        return context.get_dummy_value()

    return (types.void(array, types.intp, *[a] * 8), codegen) if _same(a, b, c, d, e, f, g, h) else None


@intrinsic
def any_positive(typingctx, a):
    """Whether any lane is > 0."""

    def codegen(context, builder, sig, args):
        width = args[0].type.count
        mask = builder.fcmp_ordered(">", args[0], _constant(0.0, width))
        return builder.icmp_unsigned("!=", builder.bitcast(mask, ir.IntType(width)), ir.Constant(ir.IntType(width), 0))

    return (types.boolean(a), codegen) if _same(a) else None
