"""Parity: every artifact gives the scores of the original model, within a stated tolerance.

A score ``a`` agrees with the truth ``t`` if ``|a - t| <= absolute + relative * |t|``; NaN
agrees with NaN and an infinity with itself. A classifier's highest class must be the same in
every row, unless the truth itself is a tie within the tolerance. ``compiler.tolerance`` chooses it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compiler.backends.artifact import EmittedArtifact
from compiler.errors import ParityError, WrongRow
from compiler.frontends.source import Signature
from compiler.tolerance import Tolerance

MAX_ROWS = 20_000
_SHOWN_ROWS = 5
_SHOWN_SCORES = 5
_SHOWN_INPUTS = 40


@dataclass(frozen=True)
class ParityResult:
    """How well one artifact agrees.

    Attributes:
        kind: The artifact's kind.
        rows: Rows compared.
        max_difference: Largest absolute difference of a score.
        tolerance: What was allowed.
        edge_rows: Rows compared at the model's edges (``compiler.edges``), beside the sample's.
        wrong_edge_rows: Those of them that do not agree; a plan has none.
    """

    kind: str
    rows: int
    max_difference: float
    tolerance: Tolerance
    edge_rows: int = 0
    wrong_edge_rows: int = 0


def prove(  # noqa: PLR0913  (what is compared, with what, and how near)
    artifact: EmittedArtifact,
    signature: Signature,
    rows: NDArray[np.float32],
    truth: NDArray[np.float64],
    tolerance: Tolerance,
    *,
    numbers: NDArray[np.intp] | None = None,
    where: str = "",
) -> ParityResult:
    """Compare an artifact with the original model's scores.

    Args:
        artifact: The artifact.
        signature: What the model takes and gives.
        rows: float32 (n_rows, n_features).
        truth: The original model's scores, float64 (n_rows, n_outputs).
        tolerance: How far a score may be off.
        numbers: The number that each row is known by, (n_rows,); its position when left out.
        where: What the rows are, if they are not the sample's.

    Raises:
        ParityError: It does not agree; the message and the error's ``rows`` show the worst rows.
    """
    scores = artifact.scorer()(rows)
    if scores.shape != truth.shape:
        raise ParityError(f"the {artifact.kind} gives {scores.shape[1]} outputs, the model {truth.shape[1]}")
    wrong = wrong_rows(scores, truth, signature, tolerance)
    if wrong.any():
        worst = _worst(np.flatnonzero(wrong), scores, truth)
        known_by = worst if numbers is None else numbers[worst]
        failed = tuple(map(_wrong_row, known_by, rows[worst], truth[worst], scores[worst]))
        how_many = f"{np.count_nonzero(wrong)} of {len(truth)} rows{where} (tolerance {tolerance})"
        raise ParityError(_failure(artifact.kind, how_many, failed), failed)
    largest = float(_difference(scores, truth).max(initial=0.0))
    return ParityResult(artifact.kind, len(rows), largest, tolerance)


def wrong_rows(
    scores: NDArray[np.float64], truth: NDArray[np.float64], signature: Signature, tolerance: Tolerance
) -> NDArray[np.bool_]:
    """Tell which rows have a score that does not agree, or another label though the truth is no tie."""
    wrong = np.asarray(~_agrees(scores, truth, tolerance).all(axis=1))
    return wrong | _wrong_label(scores, truth, tolerance) if signature.task == "classification" else wrong


def _difference(scores: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    same = (scores == truth) | (np.isnan(scores) & np.isnan(truth))
    with np.errstate(invalid="ignore"):
        return np.where(same, 0.0, np.nan_to_num(np.abs(scores - truth), nan=np.inf))


def _agrees(scores: NDArray[np.float64], truth: NDArray[np.float64], tolerance: Tolerance) -> NDArray[np.bool_]:
    magnitude = np.where(np.isfinite(truth), np.abs(truth), 0.0)
    return _difference(scores, truth) <= np.array(tolerance.absolute) + tolerance.relative * magnitude


def _wrong_label(scores: NDArray[np.float64], truth: NDArray[np.float64], tolerance: Tolerance) -> NDArray[np.bool_]:
    """Tell the rows whose highest class differs though the truth is no tie."""
    numbers = np.arange(len(truth))
    lead = truth.max(axis=1) - truth[numbers, scores.argmax(axis=1)]
    wrong: NDArray[np.bool_] = lead > 2 * (tolerance.largest + tolerance.relative * np.abs(truth).max(axis=1))
    return wrong


def _worst(wrong: NDArray[np.intp], scores: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.intp]:
    return wrong[np.argsort(-_difference(scores, truth)[wrong].max(axis=1), kind="stable")][:_SHOWN_ROWS]


def _wrong_row(
    number: np.intp, inputs: NDArray[np.float32], expected: NDArray[np.float64], got: NDArray[np.float64]
) -> WrongRow:
    shortest = tuple(float(str(value)) for value in inputs)  # 0.1 and not 0.10000000149011612, for the same float32
    return WrongRow(int(number), shortest, tuple(expected.tolist()), tuple(got.tolist()))


def _failure(kind: str, how_many: str, rows: tuple[WrongRow, ...]) -> str:
    lines = [f"the {kind} disagrees with the model on {how_many}; the worst:"]
    for each in rows:
        scores = f"model {_numbers(each.expected, _SHOWN_SCORES)}, {kind} {_numbers(each.got, _SHOWN_SCORES)}"
        lines.append(f"  row {each.row}: {scores}, inputs {_numbers(each.inputs, _SHOWN_INPUTS)}")
    return "\n".join(lines)


def _numbers(values: tuple[float, ...], at_most: int) -> str:
    left_out = f", ... {len(values) - at_most} more" if len(values) > at_most else ""
    return f"({', '.join(f'{value:.9g}' for value in values[:at_most])}{left_out})"
