"""treelite's own predictor (GTIL), and tl2cgen: the trees as C code, compiled by gcc -O2."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tl2cgen
import treelite
from numpy.typing import NDArray

from benchmarks.contender import InProcess, Rows
from benchmarks.peers.building import built
from benchmarks.trained import Trained

_UNITS = 8
"""Translation units; one of all trees would take the compiler longer."""


class Gtil(InProcess):
    """treelite's interpreter."""

    name = "treelite GTIL"

    def __init__(self, trees: Any, finish: Callable[[Any], Any]) -> None:
        self._trees = trees
        self._finish = finish

    def call(self, n_rows: int) -> Callable[[Any], object]:
        """Return its ``predict``."""
        del n_rows
        return lambda rows: treelite.gtil.predict(self._trees, rows, nthread=1)

    def argument(self, rows: Rows) -> Any:
        """Return the rows."""
        return rows

    def scores(self, rows: Rows) -> NDArray[np.float64]:
        """Score rows."""
        return _as_rows(self._finish(treelite.gtil.predict(self._trees, rows, nthread=1)), rows)


class Tl2cgen(InProcess):
    """The compiled library behind tl2cgen's predictor, with the matrix of rows made beforehand."""

    name = "tl2cgen"

    def __init__(self, path: Path, finish: Callable[[Any], Any]) -> None:
        self._predictor = tl2cgen.Predictor(str(path), nthread=1)
        self._finish = finish

    def call(self, n_rows: int) -> Callable[[Any], object]:
        """Return its ``predict``."""
        del n_rows
        predict: Callable[[Any], object] = self._predictor.predict
        return predict

    def argument(self, rows: Rows) -> Any:
        """Make tl2cgen's own matrix of the rows."""
        return tl2cgen.DMatrix(rows.astype(self._predictor.threshold_type), dtype=self._predictor.threshold_type)

    def scores(self, rows: Rows) -> NDArray[np.float64]:
        """Score rows."""
        return _as_rows(self._finish(self._predictor.predict(self.argument(rows))), rows)


def prepare(model: Trained) -> list[Gtil]:
    """Load the trees."""
    return [Gtil(_trees(model), _finish(model))]


def prepare_code(model: Trained) -> list[Tl2cgen]:
    """Generate and compile the code.

    Raises:
        UnavailableError: Its code does not compile in time.
    """

    def generate(folder: Path) -> Sequence[Path]:
        tl2cgen.generate_c_code(_trees(model), dirpath=str(folder), params={"parallel_comp": _UNITS})
        return sorted(folder.glob("*.c"))

    return [Tl2cgen(built(model.folder / "tl2cgen.so", generate), _finish(model))]


def _trees(model: Trained) -> Any:
    if model.letter == "C":
        return treelite.frontend.from_lightgbm(model.estimator.booster_)
    if model.letter == "D":
        return treelite.frontend.from_xgboost(model.estimator.get_booster())
    return treelite.sklearn.import_model(model.estimator)


def _finish(model: Trained) -> Callable[[Any], Any]:
    """Return what makes scikit-learn's decision of treelite's score of an isolation forest; not timed."""
    if model.letter != "F":
        return lambda scores: scores
    offset = model.estimator.offset_
    return lambda scores: -scores - offset


def _as_rows(scores: Any, rows: Rows) -> NDArray[np.float64]:
    return np.asarray(scores, np.float64).reshape(len(rows), -1)
