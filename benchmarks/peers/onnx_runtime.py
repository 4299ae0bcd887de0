"""onnxruntime, one thread: ``run``, and IO binding with input and output bound beforehand."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from benchmarks.contender import InProcess, Rows
from benchmarks.trained import Trained

IO_BINDING = "onnxruntime, IO binding"


class Run(InProcess):
    """``session.run``: numpy in, numpy out."""

    name = "onnxruntime, run"

    def __init__(self, session: Any) -> None:
        self._session = session
        self._input, self._output = session.get_inputs()[0].name, session.get_outputs()[0].name

    def call(self, n_rows: int) -> Callable[[Any], object]:
        """Return the session's ``run``."""
        del n_rows
        return partial(self._session.run, [self._output])

    def argument(self, rows: Rows) -> Any:
        """Name the rows."""
        return {self._input: rows.copy() if len(rows) == 1 else rows}

    def scores(self, rows: Rows) -> NDArray[np.float64]:
        """Score rows."""
        return np.asarray(self._session.run([self._output], {self._input: rows})[0], np.float64)


class IoBinding(Run):
    """``session.run_with_iobinding``: the memory of rows and scores is known beforehand; no score is read out."""

    name = IO_BINDING

    def call(self, n_rows: int) -> Callable[[Any], object]:
        """Return the session's own method."""
        del n_rows
        run: Callable[[Any], object] = self._session.run_with_iobinding
        return run

    def argument(self, rows: Rows) -> Any:
        """Bind the rows, which the caller keeps alive, and room for the scores."""
        shape = self._session.run([self._output], {self._input: rows[:1]})[0].shape[1:]
        binding = self._session.io_binding()
        binding.bind_cpu_input(self._input, rows)
        room = onnxruntime.OrtValue.ortvalue_from_numpy(np.empty((len(rows), *shape), np.float32))
        binding.bind_ortvalue_output(self._output, room)
        return binding


def prepare(model: Trained) -> list[Run]:
    """Load the model twice."""
    return [IoBinding(_session(model.onnx)), Run(_session(model.onnx))]


def _session(data: bytes) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
