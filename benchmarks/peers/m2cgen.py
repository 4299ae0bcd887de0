"""m2cgen: the model as C code, compiled by gcc -O2, called through ctypes with pointers made beforehand.

Scaling, probabilities and the loop over rows are not m2cgen's; a few lines of C around its function do them.
"""

import ctypes
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from benchmarks.contender import InProcess, Rows
from benchmarks.peers.building import built
from benchmarks.trained import Trained

_RECURSIONS, _STACK_BYTES = 200_000, 2**30
_LOOP = """
#include <stddef.h>
#include <math.h>
void score_rows(const float *rows, size_t n_rows, double *scores) {{
    static const double mean[] = {{{mean}}}, scale[] = {{{scale}}};
    static double input[{n_features}];
    for (size_t r = 0; r < n_rows; r++, rows += {n_features}) {{
        for (size_t i = 0; i < {n_features}; i++) input[i] = {value};
        {statement}
    }}
}}
"""


class Library(InProcess):
    """The shared library."""

    name = "m2cgen"

    def __init__(self, path: Path, n_outputs: int) -> None:
        self._score = ctypes.CDLL(str(path)).score_rows
        self._score.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
        self._score.restype = None
        self._n_outputs = n_outputs

    def call(self, n_rows: int) -> Callable[[Any], object]:
        """Return a call of the C function."""
        del n_rows
        score = self._score
        return lambda given: score(*given)

    def argument(self, rows: Rows) -> Any:
        """Return pointers to the rows, which the caller keeps alive, and to room for scores."""
        room = np.empty((len(rows), self._n_outputs)).ctypes
        return ctypes.c_void_p(rows.ctypes.data), ctypes.c_size_t(len(rows)), room.data_as(ctypes.c_void_p)

    def scores(self, rows: Rows) -> NDArray[np.float64]:
        """Score rows."""
        scores = np.empty((len(rows), self._n_outputs))
        self._score(rows.ctypes.data, len(rows), scores.ctypes.data)
        return scores


def prepare(model: Trained) -> list[Library]:
    """Generate and compile the code.

    Raises:
        UnavailableError: m2cgen does not take the model, or its code does not compile in time.
    """
    n_outputs = 3 if model.letter == "B" else 2 if model.letter == "H" else 1
    path = built(model.folder / "m2cgen.so", lambda folder: _generate(model, folder))
    return [Library(path, n_outputs)]


def _generate(model: Trained, folder: Path) -> Sequence[Path]:
    estimator, scaler = model.estimator, None
    if isinstance(estimator, Pipeline):
        scaler, estimator = estimator
    code = _export(estimator)
    source = folder / "model.c"
    source.write_text(code + _loop(model, scaler, code))
    return [source]


def _export(estimator: Any) -> str:
    """Generate on a thread with a large stack: m2cgen calls itself once for each term of a sum."""
    import m2cgen  # noqa: PLC0415  (not needed where the library is built already)

    limit, size = sys.getrecursionlimit(), threading.stack_size(_STACK_BYTES)
    sys.setrecursionlimit(_RECURSIONS)
    try:
        with ThreadPoolExecutor(1) as thread:
            code: str = thread.submit(m2cgen.export_to_c, estimator).result()
    finally:
        sys.setrecursionlimit(limit)
        threading.stack_size(size)
    return code


def _loop(model: Trained, scaler: Any, code: str) -> str:
    mean, scale = (scaler.mean_, scaler.scale_) if scaler else ((0.0,), (1.0,))
    statement = "*scores++ = score(input);"
    if model.letter in {"A", "I"}:
        statement = "*scores++ = 1.0 / (1.0 + exp(-score(input)));"
    if "void score(" in code:
        statement = f"score(input, scores); scores += {len(model.estimator.classes_)};"
    return _LOOP.format(
        mean=", ".join(map(repr, map(float, mean))),
        scale=", ".join(map(repr, map(float, scale))),
        n_features=model.n_features,
        value="(rows[i] - mean[i]) / scale[i]" if scaler else "rows[i]",
        statement=statement,
    )
