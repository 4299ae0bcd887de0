"""One line of the coverage page: fit, convert, lower, compare."""

import warnings
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn import clone
from threadpoolctl import threadpool_limits

from compiler.backends.onnx_artifact import OPSETS
from compiler.backends.plan import emit
from compiler.backends.skl2onnx_mend import mend
from compiler.errors import CompilerError
from compiler.frontends.sklearn import SklearnModel
from device_contract.plan.scorer import PlanScorer
from tests.compiler.coverage.case import Case
from tests.compiler.coverage.data import data_set, trial_rows

BOUNDS: Final = (1e-12, 1e-9, 1e-6, 1e-4)
"""What a difference is told as at most: coarse, so that another processor's BLAS tells the same."""
ALLOWED: Final = 1e-9
"""The largest difference of a plan, relative to the largest score: float64 sums in another order."""
ALLOWED_FLOAT32: Final = 1e-6
"""The same of networks, whose sums are float32."""


@dataclass(frozen=True)
class Coverage:
    """What becomes of one estimator.

    Attributes:
        converts: skl2onnx converts it.
        difference: Largest difference of a score over the largest score (at least 1); ``None`` without a plan.
        note: Why there is no plan.
        allowed: The largest difference that the plan's arithmetic excuses.
    """

    converts: bool
    difference: float | None
    note: str
    allowed: float = ALLOWED

    @property
    def counts(self) -> bool:
        """It can run on a device in some way, so that a plan is owed."""
        return self.converts or self.difference is not None


def measure(case: Case) -> Coverage:
    """Fit a case and tell what becomes of it."""
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        data = data_set(case.rows, case.target)
        estimator = clone(case.estimator).fit(data.rows, data.target)
        converts = _converts(estimator, data.rows.shape[1])
        try:
            model = SklearnModel(estimator)
            graph = model.to_graph()
            plan = PlanScorer(emit(graph))
        except CompilerError as error:
            return Coverage(converts, None, str(error))
        rows = trial_rows(data.rows, missing=estimator.__sklearn_tags__().input_tags.allow_nan)
        allowed = ALLOWED_FLOAT32 if graph.single_precision else ALLOWED
        return Coverage(converts, _difference(plan, rows, model.score(rows)), "", allowed)


def _converts(estimator: Any, n_features: int) -> bool:
    """Tell whether skl2onnx converts an estimator, also to what no bundle carries (functions, several targets)."""
    mend()
    try:
        convert_sklearn(estimator, "model", [("row", FloatTensorType([None, n_features]))], target_opset=OPSETS)
    except Exception:  # noqa: BLE001  (skl2onnx raises whatever its converters meet)
        return False
    return True


def _difference(plan: PlanScorer, rows: NDArray[np.float32], truth: NDArray[np.float64]) -> float:
    scores = np.empty((len(rows), plan.n_outputs))
    plan.score_batch(rows, len(rows), scores)
    if scores.shape != truth.shape or (np.isnan(scores) != np.isnan(truth)).any():
        return float("inf")
    largest = max(1.0, float(np.nanmax(np.abs(truth), initial=0.0)))
    return float(np.nanmax(np.abs(scores - truth), initial=0.0)) / largest
