"""The histogram of scores, and the contributions to them."""

from array import array

import msgspec
import numpy as np
import pytest
from hypothesis import given

from device_contract.errors import RowError, SketchError
from device_contract.score_reference import ScoreKind
from device_contract.sketches import AttributionSums, RowSummarizer, empty_summary, merge
from device_contract.sketches.attribution import merge_attributions
from tests.device_contract.sketches.strategies import WIDE, WideRow, summarise_wide, wide_rows


def baseline(kind: ScoreKind) -> object:
    assert WIDE.score is not None
    return msgspec.structs.replace(WIDE, score=msgspec.structs.replace(WIDE.score, kind=kind))


@given(wide_rows)
def test_scores_are_counted_in_their_bins(taken: list[WideRow]) -> None:
    scores = np.array([outputs[1] for _, outputs in taken], np.float64).astype(np.float32)
    bins = np.searchsorted([0.25, 0.5, 0.75], scores[~np.isnan(scores)], side="right")
    assert summarise_wide(taken)[0].score_counts == tuple(np.bincount(bins, minlength=4))


@pytest.mark.parametrize(
    ("kind", "outputs", "counts"),
    [
        ("probability", (0.9, 0.1), (1, 0, 0, 0)),
        ("confidence", (0.9, 0.1), (0, 0, 0, 1)),
        ("confidence", (0.1, 0.6), (0, 0, 1, 0)),
        ("confidence", (0.1, float("nan")), (0, 0, 0, 0)),
        ("value", (0.3, 0.9), (0, 1, 0, 0)),
        ("value", (float("-inf"), 0.9), (1, 0, 0, 0)),
    ],
)
def test_the_kind_says_which_output_is_the_score(
    kind: ScoreKind, outputs: tuple[float, ...], counts: tuple[int, ...]
) -> None:
    summarizer = RowSummarizer(baseline(kind))  # type: ignore[arg-type]
    summarizer.update(array("f", [0.0] * 4), array("d", outputs))
    assert summarizer.take().score_counts == counts


def test_contributions_add_up_by_their_absolute_values_over_the_scores() -> None:
    summarizer = RowSummarizer(WIDE)
    two_scores = [1.0, -2.0, 0.5, 0.5, 0.0, -1.0, 4.0, 0.0, 100.0, 100.0]
    summarizer.observe_contributions(array("d", two_scores))
    summarizer.observe_contributions(array("d", [1.0, 0.0, 0.0, 0.0, 100.0]))
    assert summarizer.take().attributions == AttributionSums(rows=2, sums=(4.0, 1.0, 1.0, 4.0))
    assert summarizer.take() == empty_summary(WIDE)


@pytest.mark.parametrize("wrong", [array("d", [1.0] * 4), array("d"), array("f", [1.0] * 5), [1.0]])
def test_contributions_of_another_shape_are_refused(wrong: object) -> None:
    summarizer = RowSummarizer(WIDE)
    with pytest.raises(RowError):
        summarizer.observe_contributions(wrong)  # type: ignore[arg-type]
    assert summarizer.take() == empty_summary(WIDE)


def test_parts_of_another_baseline_do_not_merge() -> None:
    window = summarise_wide([((0.0,) * 4, (0.5, 0.5))])[0]
    with pytest.raises(SketchError, match="different baselines"):
        merge(window, msgspec.structs.replace(window, score_counts=()))
    with pytest.raises(SketchError, match="different features"):
        merge_attributions(AttributionSums(rows=1, sums=(1.0,)), AttributionSums(rows=1, sums=(1.0, 2.0)))
    assert window.comoments is not None
    with pytest.raises(SketchError, match="different features"):
        merge(window, msgspec.structs.replace(window, comoments=msgspec.structs.replace(window.comoments, sums=(1.0,))))
