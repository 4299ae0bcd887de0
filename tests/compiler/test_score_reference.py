"""The score's table: its bins, and how often the model was right in them."""

import numpy as np
import pytest

from compiler.score_reference import refer_scores
from device_contract.baseline import Baseline, decode_baseline, encode_baseline
from device_contract.score_reference import MAX_SCORE_BINS, ScoreReference
from tests.device_contract.sketches.strategies import BASELINE

ROWS = 4000


def refer(scores: np.ndarray, labels: np.ndarray | None = None, *, is_classifier: bool = True) -> ScoreReference:
    table = refer_scores(scores, is_classifier=is_classifier, labels=labels)
    assert table is not None
    assert decode_baseline(encode_baseline(Baseline(streams=BASELINE.streams, score=table))).score == table
    return table


def probabilities(positive: np.ndarray) -> np.ndarray:
    return np.column_stack([1.0 - positive, positive])


def test_a_probability_is_parted_at_the_decision_and_into_equal_shares() -> None:
    numbers = np.random.default_rng(0)
    positive = numbers.beta(0.5, 2.0, ROWS)
    labels = (numbers.random(ROWS) < positive).astype(float)
    labels[:100] = np.nan
    table = refer(probabilities(positive), labels)
    assert table.kind == "probability"
    assert len(table.counts) == MAX_SCORE_BINS
    assert 0.5 in table.edges
    assert sum(table.counts) == ROWS
    assert sum(table.labelled) == ROWS - 100
    assert sum(table.positive) == labels[100:].sum()
    shares = np.array(table.positive) / np.array(table.labelled)
    means = np.array(table.score_sums) / np.array(table.labelled)
    assert np.abs(shares - means).max() < 0.12  # the model is calibrated


def test_the_bins_are_those_of_a_device() -> None:
    positive = np.random.default_rng(1).random(ROWS)
    table = refer(probabilities(positive))
    narrow = positive.astype(np.float32)
    for low, high, count in zip((-np.inf, *table.edges), (*table.edges, np.inf), table.counts, strict=True):
        assert ((narrow >= low) & (narrow < high)).sum() == count


def test_a_classifier_of_three_has_its_greatest_output_for_a_score() -> None:
    scores = np.array([[0.7, 0.2, 0.1], [0.1, 0.5, 0.4], [0.2, 0.2, 0.6]])
    table = refer(scores, np.array([0.0, 2.0, 2.0]))
    assert (table.kind, sum(table.labelled), sum(table.positive)) == ("confidence", 3, 2)


def test_decision_scores_of_two_classes_are_a_confidence() -> None:
    assert refer(np.array([[-1.0, 1.0], [3.0, -3.0]])).kind == "confidence"


def test_a_regression_has_a_value_and_no_labels() -> None:
    table = refer(np.arange(100.0)[:, np.newaxis], np.arange(100.0), is_classifier=False)
    assert (table.kind, table.labelled, sum(table.counts)) == ("value", (), 100)


def test_one_score_has_few_bins() -> None:
    table = refer(probabilities(np.full(50, 0.25)))
    assert (table.edges, table.counts) == ((0.25, 0.5), (0, 50, 0))


@pytest.mark.parametrize("scores", [np.empty((0, 2)), np.full((5, 2), np.nan)])
def test_no_score_has_no_table(scores: np.ndarray) -> None:
    assert refer_scores(scores, is_classifier=True) is None


def test_rows_that_the_model_refuses_are_left_out() -> None:
    table = refer(np.array([[0.5, 0.5], [np.nan, np.nan]]), np.array([1.0, 1.0]))
    assert (sum(table.counts), sum(table.labelled)) == (1, 1)
