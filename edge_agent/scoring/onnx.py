"""ONNX models, executed by onnxruntime; imported only when a bundle has no plan."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from device_contract.errors import BundleError, RowError
from device_contract.manifest import Artifact, Manifest
from edge_agent.scoring.model import Score

if TYPE_CHECKING:
    from device_contract.plan.scorer import Row, Rows, Scores

_ERRORS_ONLY = 3


class OnnxModel:
    """A loaded ONNX model; one thread, so that a device's other work is left alone.

    Args:
        data: The serialised model.
        artifact: Names its input and its numeric output.
        manifest: Tells how many features it takes and outputs it gives.

    Raises:
        BundleError: onnxruntime does not take the model, or (when it scores) does not run it.
    """

    def __init__(self, data: memoryview, artifact: Artifact, manifest: Manifest) -> None:
        self.n_features = len(manifest.features)
        self.n_outputs = len(manifest.outputs)
        self._input, self._outputs = artifact.onnx_input, [artifact.onnx_output]
        self._session = _session(data, artifact)

    def score(self, row: "Row", /) -> Score:
        """Score one row: a float32 buffer or a sequence of numbers."""
        scores = self._run(_as_floats(row, "row", self.n_features).reshape(1, -1)).tolist()
        return float(scores[0]) if self.n_outputs == 1 else tuple(scores)

    def score_into(self, row: "Row", out: "Scores", /) -> None:
        """Score one row into a float64 buffer of ``n_outputs`` values."""
        target = _as_room(out, self.n_outputs)
        target[:] = self._run(_as_floats(row, "row", self.n_features).reshape(1, -1))

    def score_batch(self, rows: "Rows", n_rows: int, out: "Scores", /) -> None:
        """Score a float32 buffer of ``n_rows`` rows into a float64 buffer, without the GIL."""
        source = _as_floats(rows, "rows", n_rows * self.n_features).reshape(n_rows, self.n_features)
        target = _as_room(out, n_rows * self.n_outputs)
        if n_rows:
            target[:] = self._run(source)

    def _run(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the scores, float64 (n_rows * n_outputs,)."""
        try:
            scores = np.asarray(self._session.run(self._outputs, {self._input: rows})[0], np.float64).reshape(-1)
        except Exception as error:  # onnxruntime's errors share no other base
            raise BundleError(f"onnxruntime does not run the model: {_reason(error)}") from error
        if len(scores) != len(rows) * self.n_outputs:
            raise BundleError(f"the ONNX model gives {len(scores)} numbers for {len(rows)} rows")
        return scores


def _session(data: memoryview, artifact: Artifact) -> Any:  # noqa: ANN401  (onnxruntime ships no types)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    try:
        session = onnxruntime.InferenceSession(bytes(data), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no other base
        raise BundleError(f"onnxruntime does not take {artifact.file.path}: {_reason(error)}") from error
    names = {value.name for value in session.get_inputs()} | {value.name for value in session.get_outputs()}
    if not {artifact.onnx_input, artifact.onnx_output} <= names:
        raise BundleError(f"{artifact.file.path} lacks the input or output that its manifest names")
    return session


def _reason(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _as_floats(values: Any, name: str, size: int) -> NDArray[np.float32]:  # noqa: ANN401  (a row of any kind)
    floats = _from_sequence(values) if _is_sequence(values) else _from_buffer(values, name, "f", np.float32)
    if floats.size != size:
        raise RowError(f"{name} has {floats.size} values, expected {size}")
    return floats


def _as_room(out: Any, size: int) -> NDArray[np.float64]:  # noqa: ANN401  (a buffer of any kind)
    room = _from_buffer(out, "out", "d", np.float64)
    if room.size != size or not room.flags.writeable:
        raise RowError(f"out is not a writable float64 buffer of {size} values")
    return room


def _is_sequence(values: object) -> bool:
    return isinstance(values, Sequence) and not isinstance(values, str | bytes | bytearray | memoryview)


def _from_sequence(values: Sequence[float]) -> NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):
            return np.array([float(value) for value in values], np.float64).astype(np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise RowError(f"the row holds something that is no number: {error}") from error


def _from_buffer(values: Any, name: str, code: str, dtype: type) -> NDArray[Any]:  # noqa: ANN401  (the same)
    try:
        view = memoryview(values)
    except TypeError as error:
        raise RowError(
            f"{name} is a {type(values).__name__}; give a float32 buffer or a sequence of numbers"
        ) from error
    if view.format.lstrip("@=<") != code or not view.c_contiguous:
        raise RowError(f"{name} holds values of format {view.format!r}; give a C-contiguous buffer of {code!r}")
    return np.frombuffer(view, dtype) if view.nbytes else np.empty(0, dtype)
