"""The self-test: the compiler's golden rows on this device's own kernel."""

import array
import math
from dataclasses import dataclass
from pathlib import Path

from device_contract.bundle import open_file
from device_contract.manifest import SelfTest
from device_contract.selftest import decode_self_test
from edge_agent.scoring.scorer import Scorer


@dataclass(frozen=True)
class SelfTestResult:
    """How the golden rows came out.

    Attributes:
        rows: Rows tested.
        wrong_rows: Rows with a score out of tolerance.
        worst_error: Largest absolute difference; infinite where a NaN or infinity differs.
    """

    rows: int
    wrong_rows: int
    worst_error: float


def run_self_test(path: Path) -> SelfTestResult:
    """Score the golden rows of a bundle and compare.

    Args:
        path: A verified bundle.

    Raises:
        ContractError: The bundle, its model or its self-test is malformed.
    """
    bundle = open_file(path)
    reference = bundle.manifest.self_test
    vectors = decode_self_test(bundle.files[reference.file.path])
    scorer = Scorer.from_bundle(bundle)
    out = array.array("d", bytes(8 * vectors.n_outputs))
    wrong_rows, worst_error = 0, 0.0
    for row, expected in zip(vectors.rows(), vectors.expected(), strict=True):
        scorer.score_into(row, out)
        errors = [difference(score, right) for score, right in zip(out, expected, strict=True)]
        wrong_rows += any(error > _allowance(right, reference) for error, right in zip(errors, expected, strict=True))
        worst_error = max(worst_error, *errors)
    return SelfTestResult(vectors.n_rows, wrong_rows, worst_error)


def difference(score: float, right: float) -> float:
    """Return the absolute difference; NaN equals NaN, and anything else not finite differs without bound."""
    if score == right or (math.isnan(score) and math.isnan(right)):
        return 0.0
    return abs(score - right) if math.isfinite(score) and math.isfinite(right) else math.inf


def _allowance(right: float, reference: SelfTest) -> float:
    """Return how far a score may lie from the right one: not at all where that is not finite."""
    return reference.absolute_tolerance + reference.relative_tolerance * abs(right) if math.isfinite(right) else 0.0
