"""An estimator to be fitted."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Case:
    """An estimator to be fitted.

    Attributes:
        estimator: With its parameters, not fitted.
        kind: classifier, regressor, outlier detector, clusterer, transformer or composition.
        rows: Kind of rows, of ``data.data_set``.
        target: Kind of target, of ``data.data_set``.
    """

    estimator: Any
    kind: str
    rows: str
    target: str
