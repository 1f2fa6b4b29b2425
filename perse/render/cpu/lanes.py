"""The numba type of float32 lanes, its `+`, `-` and `*`, and the pieces of LLVM that functions of lanes are put together from (`vector.py`).

A `Lanes` value is an LLVM `<WIDTH x float>` or `<16 x float>`.
"""

import operator

import numba
from llvmlite import binding, ir
from numba.core import cgutils, types
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model


def features() -> set[str]:
    """What the machine that kernels are compiled for can do, by LLVM's names; NUMBA_CPU_FEATURES may take some away."""
    if numba.config.CPU_FEATURES is not None:
        return {name[1:] for name in numba.config.CPU_FEATURES.split(",") if name.startswith("+")}
    return {name for name, there in binding.get_host_cpu_features().items() if there}


_FEATURES = features()
WIDTH = 16 if "avx512f" in _FEATURES else 8
_FLOAT = ir.FloatType()
_INT = ir.IntType(32)
_VECTOR = ir.VectorType(_FLOAT, 16)
_INT_VECTOR = ir.VectorType(_INT, 16)


class Lanes(types.Type):
    """The numba type of `width` float32 lanes."""

    def __init__(self, width: int):
        super().__init__(name=f"float32x{width}")
        self.width = width


lanes16 = Lanes(16)
lanes = lanes16 if WIDTH == 16 else Lanes(WIDTH)
_KINDS = {lanes.width: lanes, 16: lanes16}


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, ir.VectorType(_FLOAT, fe_type.width))


def _operator(function, instruction):
    class Template(ConcreteTemplate):
        cases = [signature(kind, kind, kind) for kind in _KINDS.values()]

    infer_global(function)(Template)

    @lower_builtin(function, Lanes, Lanes)
    def lower(context, builder, sig, args):
        return getattr(builder, instruction)(*args)


for _function, _instruction in ((operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul")):
    _operator(_function, _instruction)


class _Negation(ConcreteTemplate):
    cases = [signature(kind, kind) for kind in _KINDS.values()]


infer_global(operator.neg)(_Negation)


@lower_builtin(operator.neg, Lanes)
def _negate(context, builder, sig, args):
    return builder.fneg(args[0])


def _ints(width: int) -> ir.VectorType:
    return ir.VectorType(_INT, width)


def _constant(value: float, width: int) -> ir.Constant:
    return ir.Constant(ir.VectorType(_FLOAT, width), [ir.Constant(_FLOAT, value)] * width)


def _int_constant(value: int, width: int = 16) -> ir.Constant:
    return ir.Constant(_ints(width), [ir.Constant(_INT, value)] * width)


def _mask(lanes_taken) -> ir.Constant:
    """What shuffle_vector takes: for each lane of the result, the lane it comes from."""
    return ir.Constant(ir.VectorType(_INT, len(lanes_taken)), [ir.Constant(_INT, lane) for lane in lanes_taken])


def _call(builder, name, result, args, **flags):
    kind = ir.FunctionType(result, [arg.type for arg in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), args, **flags)


def _fma(builder, a, b, c):
    # fmuladd, not fma: without the hardware instruction the latter becomes as many library calls as lanes.
    return _call(builder, f"llvm.fmuladd.v{a.type.count}f32", a.type, [a, b, c])


def _spread(builder, value, width):
    """One number in every lane."""
    empty = ir.Constant(ir.VectorType(value.type, width), ir.Undefined)
    return builder.shuffle_vector(builder.insert_element(empty, value, ir.Constant(_INT, 0)), empty, _mask([0] * width))


def _address(context, builder, array_type, array, index, vector=_VECTOR):
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index], inbounds=True), vector.as_pointer())


def _same(*given):
    """The Lanes of which all arguments are, or TypingError's cue: None."""
    return given[0] if isinstance(given[0], Lanes) and all(kind == given[0] for kind in given) else None


def _elementwise(count, build, meaning):
    """An intrinsic of `count` Lanes of one kind that gives Lanes of that kind; build(builder, *vectors) -> vector."""

    def codegen(context, builder, sig, args):
        return build(builder, *args)

    def one(typingctx, a):
        return (a(a), codegen) if _same(a) else None

    def two(typingctx, a, b):
        return (a(a, b), codegen) if _same(a, b) else None

    def three(typingctx, a, b, c):
        return (a(a, b, c), codegen) if _same(a, b, c) else None

    def four(typingctx, a, b, yes, no):
        return (a(a, b, yes, no), codegen) if _same(a, b, yes, no) else None

    function = (one, two, three, four)[count - 1]
    function.__doc__ = meaning
    return intrinsic(function)
