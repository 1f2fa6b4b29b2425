"""Networks in ONNX files, run on the CPU by ONNX Runtime."""

from pathlib import Path

import numpy as np

from ...cores import count

THREADS = 2  # that a network may use at most: others build meanwhile; 1 to 4 make sense


class OnnxNetwork:
    """A network with one input that matters and one output.

    Args:
        path: of the file.

    Raises:
        Exception: whatever ONNX Runtime says of a file that it cannot run.
    """

    def __init__(self, path: Path):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = min(THREADS, count())
        options.log_severity_level = 3  # errors: old files draw a warning for each weight
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """batch: (1, C, H, W) float32 -> the first output."""
        return self._session.run(None, {self._input: np.ascontiguousarray(batch, np.float32)})[0]
