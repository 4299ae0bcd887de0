"""The library that trained the model: scikit-learn, LightGBM or XGBoost. Its scores are the truth."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.contender import InProcess, Rows
from benchmarks.trained import Trained

_NAMES = {"C": "lightgbm", "D": "xgboost"}


class Estimator(InProcess):
    """The estimator's own method, of rows in float32."""

    def __init__(self, name: str, method: Callable[[Any], Any]) -> None:
        self.name = name
        self._method = method

    def call(self, n_rows: int) -> Callable[[Any], object]:
        """Return the method."""
        del n_rows
        return self._method

    def argument(self, rows: Rows) -> Any:
        """Return the rows."""
        return rows.copy() if len(rows) == 1 else rows

    def scores(self, rows: Rows) -> NDArray[np.float64]:
        """Score a float64 copy of the rows: a scaler rounds in other places where it is given float32."""
        return np.asarray(self._method(rows.astype(np.float64)), np.float64)


def prepare(model: Trained) -> list[Estimator]:
    """Take the estimator."""
    return [Estimator(_NAMES.get(model.letter, "scikit-learn"), _method(model))]


def _method(model: Trained) -> Callable[[Any], Any]:
    estimator = model.estimator
    if model.letter == "C":
        # The booster itself: the estimator around it checks and copies each row first.
        return lambda rows: estimator.booster_.predict(rows, num_threads=1)
    if model.letter == "D":
        return estimator.get_booster().inplace_predict  # type: ignore[no-any-return]
    if model.letter == "F":
        return estimator.decision_function  # type: ignore[no-any-return]
    return getattr(estimator, "predict_proba", estimator.predict)  # type: ignore[no-any-return]
