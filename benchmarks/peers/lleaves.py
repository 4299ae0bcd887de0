"""lleaves: LightGBM's trees compiled by LLVM."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.contender import InProcess, Rows
from benchmarks.trained import Trained


class Compiled(InProcess):
    """Its ``predict``, of rows in the float64 that it works with."""

    name = "lleaves"

    def __init__(self, model: Any) -> None:
        self._model = model

    def call(self, n_rows: int) -> Callable[[Any], object]:
        """Return ``predict`` on one thread."""
        del n_rows
        predict = self._model.predict
        return lambda rows: predict(rows, n_jobs=1)

    def argument(self, rows: Rows) -> Any:
        """Return a float64 copy."""
        return rows.astype(np.float64)

    def scores(self, rows: Rows) -> NDArray[np.float64]:
        """Score rows."""
        return np.asarray(self._model.predict(rows.astype(np.float64), n_jobs=1), np.float64)


def prepare(model: Trained) -> list[Compiled]:
    """Compile the booster; what LLVM made is kept."""
    import lleaves  # noqa: PLC0415  (LLVM is needed for one model only)

    text = model.folder / "booster.txt"
    model.estimator.booster_.save_model(str(text))
    compiled = lleaves.Model(model_file=str(text))
    compiled.compile(cache=str(model.folder / "lleaves.o"))
    return [Compiled(compiled)]
