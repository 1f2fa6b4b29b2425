"""TensorFlow Lite models by LiteRT, with MediaPipe's own operators in numpy.

LiteRT knows none of these: a model is cut where they stand, its pieces run one after the other, and what lies between is worked out here.
Formulas: mediapipe/util/tflite/operations.
"""

from collections.abc import Callable
from copy import copy
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Piece(NamedTuple):
    """A run of operators that LiteRT knows, or one that it does not. takes, gives: numbers of tensors; run: values of the first -> of the second."""

    takes: list[int]
    gives: list[int]
    run: Callable[..., list[np.ndarray]]


class Network:
    """A model with one input. On one thread, since callers run it for small pictures; not to be called by two at once."""

    def __init__(self, path: Path):
        import flatbuffers
        from ai_edge_litert import schema_py_generated as schema

        self._flatbuffers, self._schema = flatbuffers, schema
        self._model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes(), 0))
        graph = self._graph = self._model.subgraphs[0]
        self._input, self._outputs = int(graph.inputs[0]), [int(t) for t in graph.outputs]
        self._names = [graph.tensors[t].name.decode() for t in self._outputs]
        self._constants = self._folded()
        self._pieces = list(self._cut())
        del self._model, self._graph

    def __call__(self, picture: np.ndarray) -> dict[str, np.ndarray]:
        """picture: (H, W, 3) float32 -> outputs by name."""
        values = {self._input: picture[None]}
        for takes, gives, run in self._pieces:
            values.update(zip(gives, run(*(values[t] if t in values else self._constants[t] for t in takes))))
        return {name: values[t] for name, t in zip(self._names, self._outputs)}

    def _custom(self, operator) -> str:
        name = self._model.operatorCodes[operator.opcodeIndex].customCode
        return name.decode() if name else ""

    def _stored(self, tensor: int) -> bytes:
        """What the file holds for a tensor; nothing if it is worked out."""
        data = self._model.buffers[self._graph.tensors[tensor].buffer].data
        return b"" if data is None else bytes(data)

    def _weights(self, tensor: int) -> np.ndarray:
        known = self._graph.tensors[tensor]
        halves = known.type == self._schema.TensorType.FLOAT16
        return np.frombuffer(self._stored(tensor), np.float16 if halves else np.float32).reshape(known.shape).astype(np.float32)

    def _folded(self) -> dict[int, np.ndarray]:
        """Weights that operators of our own take: stored, or stored as halves and widened."""
        wanted = {int(t) for o in self._graph.operators if self._custom(o) for t in o.inputs}
        found = {t: self._weights(t) for t in wanted if self._stored(t)}
        for o in self._graph.operators:
            if int(o.outputs[0]) in wanted and len(o.inputs) == 1 and self._stored(int(o.inputs[0])):
                found[int(o.outputs[0])] = self._weights(int(o.inputs[0]))
        return found

    def _cut(self):
        runs: list[list] = []
        for operator in self._graph.operators:
            if runs and not self._custom(operator) and not self._custom(runs[-1][0]):
                runs[-1].append(operator)
            else:
                runs.append([operator])
        for i, run in enumerate(runs):
            later = {int(t) for more in runs[i + 1 :] for o in more for t in o.inputs} | set(self._outputs)
            made = {int(t) for o in run for t in o.outputs}
            if name := self._custom(run[0]):
                yield Piece([int(t) for t in run[0].inputs], [int(t) for t in run[0].outputs], OPERATORS[name](_options(run[0])))
                continue
            needed = dict.fromkeys(int(t) for o in run for t in o.inputs)
            takes = [t for t in needed if t >= 0 and t not in made and not self._stored(t)]
            gives = sorted((made & later) - set(self._constants))
            yield Piece(takes, gives, self._interpreter(run, takes, gives))

    def _interpreter(self, operators: list, takes: list[int], gives: list[int]) -> Callable[..., list[np.ndarray]]:
        from ai_edge_litert.interpreter import Interpreter

        model, graph = copy(self._model), copy(self._graph)
        graph.operators, graph.inputs, graph.outputs = operators, takes, gives
        model.subgraphs, model.signatureDefs, model.metadata, model.metadataBuffer = [graph], None, None, None
        builder = self._flatbuffers.Builder(1 << 22)
        builder.Finish(model.Pack(builder), b"TFL3")
        interpreter = Interpreter(model_content=bytes(builder.Output()), num_threads=1)
        interpreter.allocate_tensors()
        ins, outs = ([d["index"] for d in details] for details in (interpreter.get_input_details(), interpreter.get_output_details()))

        def run(*values: np.ndarray) -> list[np.ndarray]:
            for index, value in zip(ins, values):
                interpreter.set_tensor(index, value)
            interpreter.invoke()
            return [interpreter.get_tensor(index) for index in outs]

        return run


def _options(operator) -> dict[str, Any]:
    from flatbuffers import flexbuffers

    data = bytes(operator.customOptions) if operator.customOptions is not None else b""
    return flexbuffers.Loads(data) if data and data[-1] == 1 else {}


def _transform_matrix(options: dict):
    """Landmarks (1, N, 3) -> (1, 4, 4), which takes pixels of a levelled crop around some of them to where they are."""
    some = np.array(options["subset_idxs"]).ravel()
    size = np.array([options["output_width"], options["output_height"]])
    margin = np.array([options["scale_x"], options["scale_y"]])

    def run(landmarks: np.ndarray) -> list[np.ndarray]:
        points = landmarks[0, :, :2].astype(np.float64)
        across = points[options["right_rotation_idx"]] - points[options["left_rotation_idx"]]
        angle = np.arctan2(across[1], across[0]) - options["target_rotation_radians"]
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        levelled = points[some] @ turn
        low, high = levelled.min(0), levelled.max(0)
        matrix = np.eye(4)
        matrix[:2, :2] = turn * (margin * (high - low) / size)
        matrix[:2, 3] = turn @ ((low + high) / 2) - matrix[:2, :2] @ (size / 2)
        return [matrix[None].astype(np.float32)]

    return run


def _crop(options: dict):
    """(1, H, W, C) and a matrix -> the crop, bilinear; nothing beyond the edges."""
    y, x = np.mgrid[: options["output_height"], : options["output_width"]]
    centres = np.stack([x, y], -1) + 0.5

    def run(features: np.ndarray, matrix: np.ndarray) -> list[np.ndarray]:
        at = centres @ matrix[0, :2, :2].T.astype(np.float64) + matrix[0, :2, 3] - 0.5
        last = np.array(features.shape[2:0:-1]) - 1
        inside = ((at >= 0) & (at <= last)).all(-1)
        first = np.floor(np.clip(at, 0, last)).astype(int)
        (fx, fy), share = np.moveaxis(first, -1, 0), (at - first)[..., None]
        nx, ny = np.minimum(fx + 1, last[0]), np.minimum(fy + 1, last[1])
        rows = [features[0, row, fx] * (1 - share[..., 0, :]) + features[0, row, nx] * share[..., 0, :] for row in (fy, ny)]
        found = (rows[0] * (1 - share[..., 1, :]) + rows[1] * share[..., 1, :]) * inside[..., None]
        return [found[None].astype(np.float32)]

    return run


def _moved(options: dict):
    """Points (1, N, 2) of a crop, and its matrix -> where they are."""
    return lambda points, matrix: [(points @ matrix[0, :2, :2].T + matrix[0, :2, 3]).astype(np.float32)]


def _enlarged(options: dict):
    """A transposed convolution whose steps are as large as its kernel: every pixel of (1, H, W, C) becomes a tile."""

    def run(features: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> list[np.ndarray]:
        height, width = features.shape[1:3]
        outputs, tall, wide, _ = kernel.shape
        tiles = np.einsum("hwc,oijc->hiwjo", features[0], kernel, optimize=True)
        return [(tiles.reshape(1, height * tall, width * wide, outputs) + bias).astype(np.float32)]

    return run


OPERATORS: dict[str, Callable[[dict], Callable[..., list[np.ndarray]]]] = {
    "Landmarks2TransformMatrix": _transform_matrix,
    "TransformTensorBilinear": _crop,
    "TransformLandmarks": _moved,
    "Convolution2DTransposeBias": _enlarged,
}
