"""onnxruntime, as the device uses it: one thread, numbers in, numbers out."""

import re
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from compiler.errors import ModelError

_ROWS_AT_ONCE = 4096
_FATAL_ONLY = 4  # an error is raised, and told once
_SOURCE = re.compile(r"\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : |/onnxruntime_src/.*?\) ")


class OnnxSession:
    """A loaded ONNX model."""

    def __init__(self, data: bytes | memoryview) -> None:
        """Load a model.

        Raises:
            ModelError: onnxruntime does not take it.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = _FATAL_ONLY
        try:
            self._session = onnxruntime.InferenceSession(bytes(data), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors share no other base
            raise ModelError(f"onnxruntime does not load the model: {_reason(error)}") from error

    def run(self, input_name: str, output_name: str, rows: NDArray[Any]) -> list[Any]:
        """Run rows in pieces of bounded size; returns the output of each piece.

        Raises:
            ModelError: onnxruntime fails on these rows.
        """
        pieces = [rows[start : start + _ROWS_AT_ONCE] for start in range(0, len(rows), _ROWS_AT_ONCE)]
        try:
            return [self._session.run([output_name], {input_name: piece})[0] for piece in pieces]
        except Exception as error:
            raise ModelError(f"onnxruntime does not run the model: {_reason(error)}") from error

    def score(self, input_name: str, output_name: str, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Score rows of shape (n_rows, n_features); returns (n_rows, n_outputs).

        Raises:
            ModelError: onnxruntime fails on these rows, or gives no numbers for them.
        """
        pieces = [np.asarray(piece) for piece in self.run(input_name, output_name, rows)]
        try:
            scores = np.concatenate(pieces).astype(np.float64)
        except (TypeError, ValueError) as error:  # maps or text; or one number for all rows
            raise ModelError(
                f"the ONNX output {output_name!r} gives no numbers for each row: {_reason(error)}"
            ) from error
        if scores.shape[:1] != (len(rows),) or scores.ndim > 2:  # noqa: PLR2004  (rows and outputs)
            raise ModelError(f"the ONNX output {output_name!r} has shape {scores.shape} for {len(rows)} rows")
        return scores.reshape(len(rows), -1)


def _reason(error: Exception) -> str:
    """Return onnxruntime's own words in one line, without its status codes and where in its source they were said."""
    return _SOURCE.sub("", " ".join(str(error).split()))[:300] or type(error).__name__
