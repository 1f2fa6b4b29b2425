"""Files of tiny networks, written here: ONNX (protobuf by hand) and TensorFlow Lite. They take and give what the real ones do."""

from pathlib import Path

import numpy as np

Node = tuple[str, list[str], str, dict]


def _varint(value: int) -> bytes:
    out = bytearray()
    while True:
        out.append((value & 127) | (128 if value > 127 else 0))
        value >>= 7
        if not value:
            return bytes(out)


def _field(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _value(name: str, shape: tuple[int, ...]) -> bytes:
    dims = b"".join(_field(1, _field(1, n)) for n in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, 1) + _field(2, dims)))


def _node(kind: str, takes: list[str], gives: str, options: dict) -> bytes:
    out = b"".join(_field(1, name) for name in takes) + _field(2, gives) + _field(4, kind)
    for name, value in options.items():
        number = _field(3, value) + _field(20, 2) if isinstance(value, int) else b"".join(_field(8, v) for v in value) + _field(20, 7)
        out += _field(5, _field(1, name) + number)
    return out


def write_onnx(path: Path, shape: tuple[int, ...], gives: tuple[int, ...], nodes: list[Node], constants: dict[str, np.ndarray]) -> Path:
    """A network from "in" of a shape to "out" of another. nodes: (operator, inputs, output, attributes: whole numbers or lists of them)."""
    graph = b"".join(_field(1, _node(*node)) for node in nodes) + _field(2, "tiny")
    for name, value in constants.items():
        dims = b"".join(_field(1, n) for n in value.shape)
        graph += _field(5, dims + _field(2, 1) + _field(8, name) + _field(9, np.ascontiguousarray(value, np.float32).tobytes()))
    graph += _field(11, _value("in", shape)) + _field(12, _value("out", gives))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_field(1, 7) + _field(7, graph) + _field(8, _field(1, "") + _field(2, 13)))
    return path


def write_matte(path: Path, opacity: np.ndarray) -> Path:
    """Gives this opacity (512, 512) for pictures in [-1, 1], and nothing for pictures in another range."""
    nodes = [
        ("ReduceMin", ["in"], "low", {"keepdims": 1}),
        ("ReduceMax", ["in"], "high", {"keepdims": 1}),
        ("Mul", ["low", "minus"], "dark", {}),
        ("Clip", ["dark", "zero", "one"], "is_dark", {}),  # 1 if something is below -.5
        ("Sub", ["two", "high"], "room", {}),
        ("Clip", ["room", "zero", "one"], "is_small", {}),  # 1 if nothing is above 1
        ("Mul", ["opacity", "is_dark"], "half", {}),
        ("Mul", ["half", "is_small"], "out", {}),
    ]
    constants = {"opacity": opacity[None, None], "minus": np.full((1, 1, 1, 1), -2.0), "two": np.full((1, 1, 1, 1), 2.0)}
    constants |= {"zero": np.array(0.0), "one": np.array(1.0)}
    return write_onnx(path, (1, 3, 512, 512), (1, 1, 512, 512), nodes, constants)


def write_embedding(path: Path, between: np.ndarray) -> Path:
    """Gives how a face (112, 112, 3), in any range, differs row by row from one that lies between two people: mirrored it is the same."""
    ones, zeros = np.ones(3), np.zeros(3)
    nodes = [
        ("InstanceNormalization", ["in", "ones", "zeros"], "even", {}),
        ("AveragePool", ["even"], "small", {"kernel_shape": [8, 112]}),
        ("InstanceNormalization", ["between", "ones", "zeros"], "even_between", {}),
        ("AveragePool", ["even_between"], "small_between", {"kernel_shape": [8, 112]}),
        ("Sub", ["small", "small_between"], "differs", {}),
        ("Flatten", ["differs"], "out", {}),
    ]
    constants = {"ones": ones, "zeros": zeros, "between": between.transpose(2, 0, 1)[None]}
    return write_onnx(path, (1, 3, 112, 112), (1, 315), nodes, constants)


def write_parts(path: Path, logits: np.ndarray) -> Path:
    """Gives logits (256, 256, 6), whatever it sees."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as s

    def buffer(data: np.ndarray | None = None):
        made = s.BufferT()
        if data is not None:
            made.data = list(np.ascontiguousarray(data).tobytes())
        return made

    def tensor(name: str, shape, index: int):
        made = s.TensorT()
        made.name, made.shape, made.type, made.buffer = name, list(shape), s.TensorType.FLOAT32, index
        return made

    def operator(code: int, takes, gives, options, kind):
        made = s.OperatorT()
        made.opcodeIndex, made.inputs, made.outputs, made.builtinOptions, made.builtinOptionsType = code, takes, gives, options, kind
        return made

    def code(builtin: int):
        made = s.OperatorCodeT()
        made.builtinCode = made.deprecatedBuiltinCode = builtin
        made.version = 1
        return made

    convolution, adding = s.Conv2DOptionsT(), s.AddOptionsT()
    convolution.padding, convolution.strideW, convolution.strideH = s.Padding.SAME, 1, 1
    convolution.dilationWFactor = convolution.dilationHFactor = 1
    graph = s.SubGraphT()
    shapes = {"in": (1, 256, 256, 3), "kernel": (6, 1, 1, 3), "bias": (6,), "none": (1, 256, 256, 6), "logits": (1, 256, 256, 6)}
    graph.tensors = [tensor(name, shape, i + 1) for i, (name, shape) in enumerate(shapes.items())] + [tensor("out", shapes["none"], 6)]
    graph.operators = [
        operator(0, [0, 1, 2], [3], convolution, s.BuiltinOptions.Conv2DOptions),
        operator(1, [3, 4], [5], adding, s.BuiltinOptions.AddOptions),
    ]
    graph.inputs, graph.outputs = [0], [5]
    model = s.ModelT()
    model.version, model.subgraphs = 3, [graph]
    model.operatorCodes = [code(s.BuiltinOperator.CONV_2D), code(s.BuiltinOperator.ADD)]
    zeros = np.zeros((6, 1, 1, 3), np.float32), np.zeros(6, np.float32)
    model.buffers = [buffer(), buffer(), buffer(zeros[0]), buffer(zeros[1]), buffer(), buffer(logits.astype(np.float32)), buffer()]
    builder = flatbuffers.Builder(1 << 22)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(builder.Output()))
    return path
