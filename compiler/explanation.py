"""Why a bundle's plan scores a row as it does: what each feature adds to each raw score.

A raw score is what the matrix or the trees give, before a link: a margin where the model
gives a probability by a sigmoid.
"""

from array import array
from dataclasses import dataclass

import msgspec

from compiler.errors import SampleError, UnsupportedModelError
from device_contract.bundle import Bundle
from device_contract.plan.scorer import PlanScorer


@dataclass(frozen=True)
class Contribution:
    """What one feature adds to each raw score."""

    feature: str
    value: float
    contributions: tuple[float, ...]


@dataclass(frozen=True)
class Explanation:
    """A row's scores, taken apart; ``expected`` and the contributions add up to ``raw``.

    Attributes:
        scores: What the model gives.
        raw: The raw scores.
        expected: The raw scores of the training rows, on average.
        features: In the row's order.
    """

    scores: tuple[float, ...]
    raw: tuple[float, ...]
    expected: tuple[float, ...]
    features: tuple[Contribution, ...]

    def as_json(self) -> str:
        """Return it as JSON."""
        return msgspec.json.format(msgspec.json.encode(self)).decode()


def explain_row(bundle: Bundle, row: str) -> Explanation:
    """Explain a bundle's scores of a row.

    Args:
        bundle: The bundle.
        row: Its numbers with commas between them, in the features' order.

    Raises:
        SampleError: The row is no row of this model.
        UnsupportedModelError: The bundle holds no plan, or none that can be explained.
    """
    names = [feature.name for feature in bundle.manifest.features]
    values = _numbers(row, len(names))
    plan = bundle.manifest.artifact("plan")
    if plan is None:
        raise UnsupportedModelError("the bundle holds no plan, and only plans are explained")
    scorer = PlanScorer(bundle.files[plan.file.path])
    width = scorer.n_explained
    if width == 0:
        raise UnsupportedModelError(
            "the plan cannot be explained: compile the model with --explain; "
            "it has to be one matrix or one ensemble of trees over the row"
        )
    out, scores = array("d", bytes(8 * (len(names) + 1) * width)), scorer.score(values)
    scorer.explain_into(values, out)
    lines = [tuple(out[width * i : width * (i + 1)]) for i in range(len(names) + 1)]
    return Explanation(
        scores=scores if isinstance(scores, tuple) else (scores,),
        raw=tuple(sum(column) for column in zip(*lines, strict=True)),
        expected=lines[-1],
        features=tuple(
            Contribution(name, value, line) for name, value, line in zip(names, values, lines[:-1], strict=True)
        ),
    )


def _numbers(row: str, count: int) -> "array[float]":
    try:
        values = array("f", [float(cell) for cell in row.split(",")])
    except (ValueError, OverflowError) as error:
        raise SampleError(f"--row {row[:60]!r}: give numbers with commas between them ({error})") from error
    if len(values) != count:
        raise SampleError(f"--row has {len(values)} numbers, the model takes {count}")
    return values
