"""Sets of blocks and of Gaussians as the bits of a 64-bit integer, inside numba code.

A tile of 32 x 32 pixels has eight strips of four rows, and each strip eight blocks of 4 x 4 pixels, sixteen floats. A set of blocks is an
int64 of which only the bits matter: the lowest eight for the first strip, its leftmost block first.
"""

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from ..jit import compiled
from .lanes import _call, _ints, _mask, lanes16

TILE = 32  # pixels a side
BLOCK = 16  # pixels
_LONG = ir.IntType(64)


@intrinsic
def lowest_bit(typingctx, word):
    """The number of the lowest bit that is set; 64 where none is."""

    def codegen(context, builder, sig, args):
        return _call(builder, "llvm.cttz.i64", _LONG, [args[0], ir.Constant(ir.IntType(1), 0)])

    return types.int64(types.int64), codegen


@intrinsic
def without_lowest(typingctx, word):
    """The word without its lowest bit."""

    def codegen(context, builder, sig, args):
        return builder.and_(args[0], builder.sub(args[0], ir.Constant(_LONG, 1)))

    return types.int64(types.int64), codegen


@intrinsic
def count_bits(typingctx, word):
    """How many bits are set."""

    def codegen(context, builder, sig, args):
        return _call(builder, "llvm.ctpop.i64", _LONG, list(args))

    return types.int64(types.int64), codegen


@intrinsic
def between(typingctx, edges):
    """The set of blocks between the ends of eight strips.

    edges: sixteen lanes, the strips' left ends, then their right ones, in columns from 0 to TILE, cut off towards zero. A strip whose
    left end does not lie before its right one holds nothing.
    """

    def codegen(context, builder, sig, args):
        eight = _ints(8)

        def each(value):
            return ir.Constant(eight, [ir.Constant(eight.element, value)] * 8)

        ends = builder.fptosi(args[0], _ints(16))
        left, right = (builder.shuffle_vector(ends, ends, _mask(range(first, first + 8))) for first in (0, 8))
        first, last = builder.lshr(left, each(2)), builder.lshr(builder.add(right, each(3)), each(2))
        bits = builder.sub(builder.shl(each(1), last), builder.shl(each(1), first))
        bits = builder.select(builder.icmp_signed(">", right, left), bits, each(0))
        return builder.bitcast(builder.trunc(bits, ir.VectorType(ir.IntType(8), 8)), _LONG)

    return (types.int64(lanes16), codegen) if edges == lanes16 else None


@compiled(inline="always")
def _swap(words, at, span, mask):
    """One round of `transpose`: within each 2 span x 2 span square, swap the two that lie off its diagonal."""
    for base in range(at, at + 64, 2 * span):
        for k in range(base, base + span):
            change = ((words[k] >> span) ^ words[k + span]) & mask
            words[k + span] ^= change
            words[k] ^= change << span


@compiled()
def transpose(words, at):
    """Turn 64 words from `at` on, as a 64 x 64 matrix of bits, in place: bit j of word i becomes bit i of word j."""
    # A shift to the right brings in copies of the sign's bit; the masks take them away.
    _swap(words, at, 32, 0x00000000FFFFFFFF)
    _swap(words, at, 16, 0x0000FFFF0000FFFF)
    _swap(words, at, 8, 0x00FF00FF00FF00FF)
    _swap(words, at, 4, 0x0F0F0F0F0F0F0F0F)
    _swap(words, at, 2, 0x3333333333333333)
    _swap(words, at, 1, 0x5555555555555555)
