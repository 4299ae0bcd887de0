"""The model's score in training: where it lay, and how often it was right.

From the bins of a window's scores and the shares of this table follows what the model's
accuracy would be without a single label, as long as the concept has not changed.

Source: the estimate is CBPE, "confidence-based performance estimation", of NannyML
(https://nannyml.readthedocs.io/en/stable/how_it_works/performance_estimation.html), on bins.
"""

import math
from array import array
from itertools import pairwise
from typing import Annotated, Final, Literal

import msgspec

from device_contract.errors import SketchError
from device_contract.messages import Natural

MAX_SCORE_BINS: Final = 20

ScoreKind = Literal["probability", "confidence", "value"]
"""``probability``: of the second of two classes; ``confidence``: the greatest output of a
classifier with more classes; ``value``: the first output of anything else."""


class ScoreReference(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """The training rows by bins of their score; bin ``i`` holds ``edges[i-1] <= score < edges[i]``."""

    kind: ScoreKind
    edges: Annotated[tuple[float, ...], msgspec.Meta(min_length=1, max_length=MAX_SCORE_BINS - 1)]
    """Ascending, each exactly a float32; of a probability 0.5 is one of them."""
    counts: tuple[Natural, ...]
    """Training rows in each bin, ``len(edges) + 1`` of them."""
    labelled: tuple[Natural, ...] = ()
    """Of those, the rows with a label; empty if the sample had none."""
    positive: tuple[Natural, ...] = ()
    """Of those with a label: of a probability the rows of the second class, of a confidence
    the rows whose class was the greatest output."""
    score_sums: tuple[float, ...] = ()
    """Sum of the score over the rows with a label."""


def check_score_reference(reference: ScoreReference) -> None:
    """Refuse a table that contradicts itself.

    Raises:
        SketchError: It does.
    """
    edges = reference.edges
    if any(low >= high for low, high in pairwise(edges)) or not all(map(math.isfinite, edges)):
        raise SketchError("edges of the score do not ascend")
    if tuple(array("f", edges)) != edges:
        raise SketchError("an edge of the score is not a float32")
    if len(reference.counts) != len(edges) + 1:
        raise SketchError("counts of the score do not fit its edges")
    tables = (reference.labelled, reference.positive, reference.score_sums)
    if any(tables) and any(len(table) != len(edges) + 1 for table in tables):
        raise SketchError("the labels of the score do not fit its edges")
    if any(part > whole for part, whole in zip(reference.positive, reference.labelled, strict=True)):
        raise SketchError("more labels of the score are right than there are")
    if any(part > whole for part, whole in zip(reference.labelled, reference.counts, strict=False)):
        raise SketchError("more rows of the score have a label than there are")
    if not all(map(math.isfinite, reference.score_sums)):
        raise SketchError("a sum of the score is not a number")
