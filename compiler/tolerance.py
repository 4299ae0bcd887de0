"""How far a score may be from the truth: chosen for each output by the model's kind and by its scores.

Outputs are of different size (two targets in other units, say), so each is held to its own scale.
"""

import math
import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compiler.errors import ModelError
from compiler.frontends.source import Family, Signature, SourceModel
from compiler.score_reference import are_probabilities
from compiler.spread import evenly

_RELATIVE: dict[Family, float] = {"linear": 1e-5, "trees": 1e-5, "other": 1e-4}
"""Artifacts compute with float32 (7 digits); sums of hundreds of terms keep about 5 of them."""
_MOST = 0.99
_SHOWN_OUTPUTS = 5
_MOVED_ROWS = 100
_STEP = 2.0**-22
"""Of a float32 number, two to four times its last bit."""


@dataclass(frozen=True)
class Tolerance:
    """How far a score may be from the truth.

    Attributes:
        absolute: For each output, in its unit, or one for all.
        relative: Times the truth's magnitude, beside that.
    """

    absolute: tuple[float, ...]
    relative: float

    @property
    def largest(self) -> float:
        """The absolute part of the output that has the largest."""
        return max(self.absolute)

    def __str__(self) -> str:
        shown = [f"{value:.3g}" for value in self.absolute[:_SHOWN_OUTPUTS]]
        if len(set(self.absolute)) == 1:
            return f"{shown[0]} + {self.relative:.3g} x |score|"
        left_out = len(self.absolute) - len(shown)
        absolute = ", ".join([*shown, f"... {left_out} more"] if left_out else shown)
        return f"({absolute}) + {self.relative:.3g} x |score|"


def choose_tolerance(source: SourceModel, rows: NDArray[np.float32], truth: NDArray[np.float64]) -> Tolerance:
    """Choose the tolerance for a model.

    Args:
        source: The model.
        rows: The sample, float32 (n_rows, n_features).
        truth: The model's scores of it, (n_rows, n_outputs), NaN in rows that it refuses.
    """
    signature = source.signature
    if signature.task == "classification" or signature.family == "trees" or truth.shape[1] == 1:
        return tolerance_for(signature, truth)
    return tolerance_for(signature, truth, _terms(source, rows, truth))


def tolerance_for(
    signature: Signature, truth: NDArray[np.float64], terms: NDArray[np.float64] | float = 0.0
) -> Tolerance:
    """State the tolerance for a kind of model.

    The absolute part is relative to large scores, for where large terms cancel, what is left carries
    their rounding. But a row that holds a wild number says nothing of the other rows' terms, so the
    largest scores of each output, one in a hundred and at least one, do not count: for them the relative
    part stands. Nor do zeros: they are what is left of the terms that the other rows show.

    Trees give no score that is wilder than their leaves, and boosted ones begin at the mean of their
    training, which they take away where there is nothing: a forecast of 0 may be 200 less 200, however
    few rows are more. So for trees the scale is the mean, where that is larger.

    Classes are told apart by the largest score, so they have one scale: 1 for probabilities, of which one
    is 1 less the others, and the largest output's, if it is below 1, for other scores.

    Args:
        signature: What the model takes and gives.
        truth: Its scores of the sample, (n_rows, n_outputs), NaN in rows that it refuses.
        terms: How large the terms of each output are, (n_outputs,), where they may be larger than the output.
    """
    relative = _RELATIVE[signature.family]
    large = np.array([_large(scores, signature.family) for scores in truth.T])
    if signature.task == "classification":
        scored = truth[np.isfinite(truth).all(axis=1)]
        large = np.array([1.0 if are_probabilities(scored) else min(1.0, large.max())])
    else:
        large = np.clip(terms, large, large.max())
    return Tolerance(tuple((relative * large).tolist()), relative)


def _large(scores: NDArray[np.float64], family: Family) -> float:
    """Return what most of an output's scores do not exceed, as a power of two: their last bits shall not show."""
    magnitudes = np.abs(scores[np.isfinite(scores) & (scores != 0.0)])
    if not len(magnitudes):
        return 1.0
    large = float(np.quantile(magnitudes, _MOST, method="lower"))
    if family == "trees":
        large = max(large, float(np.sum(magnitudes / len(magnitudes))))
    return _power_of_two(large)


def _power_of_two(number: float) -> float:
    return 2.0 ** min(math.ceil(math.log2(number)), sys.float_info.max_exp - 1)


def _terms(source: SourceModel, rows: NDArray[np.float32], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return about how large the terms of each output are, (n_outputs,).

    An output may be small because its unit is large, or because its terms cancel, as those of the last
    principal components do: then it is their rounding. What the last bits of the inputs do to it tells.
    Both rows that are compared are moved, so that what is no number of the sample (a category, say)
    is none in either.
    """
    scored = np.flatnonzero(np.isfinite(truth).all(axis=1))
    chosen = rows[scored[evenly(len(scored), _MOVED_ROWS)]].astype(np.float64)
    towards = _STEP * np.random.default_rng(0).choice([-1.0, 1.0], size=chosen.shape)
    try:
        with np.errstate(over="ignore"):
            once, twice = (source.score((chosen * (1.0 + n * towards)).astype(np.float32)) for n in (1, 2))
    except ModelError:  # it takes the sample's own numbers only
        return np.zeros(truth.shape[1])
    with np.errstate(invalid="ignore", over="ignore"):
        moved = np.median(np.nan_to_num(np.abs(twice - once)), axis=0) / _STEP
    return np.array([_power_of_two(value) if value else 0.0 for value in np.minimum(moved, sys.float_info.max)])
