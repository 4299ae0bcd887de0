"""Reading labels as people write them, and finding their windows."""

import math
from array import array
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.feedback.labels import FIELDS, RefusedError, Truth, read_label
from fleet_server.feedback.matching import SampledPrediction, Window, complete, inherit, match
from fleet_server.feedback.reasons import MEANINGS
from fleet_server.feedback.target import Target

NOW_MS = 10**12
CLASSES = Target(("no", "yes"), 2)
NUMBERED = Target(("0", "1", "2"), 3)
POWER = Target((), 1)


def read(target: Target, **label: Any) -> Truth:
    return read_label({"row": 1, "label": "yes"} | label, target, NOW_MS)


@pytest.mark.parametrize("label", [1, 1.0, True, "1", "1.0"])
def test_a_numbered_class_may_be_written_as_any_number(label: object) -> None:
    assert read(NUMBERED, label=label).label == 1.0


@pytest.mark.parametrize("outputs", [[0.2, 0.8], "0.2;0.8"])
def test_outputs_give_the_prediction_and_the_probabilities(outputs: object) -> None:
    truth = read(CLASSES, outputs=outputs)
    assert (truth.prediction, array("d", truth.outputs).tolist()) == (1.0, [0.2, 0.8])


def test_decision_scores_give_a_prediction_and_no_probability() -> None:
    truth = read(CLASSES, outputs=[3.5, -3.5])
    assert (truth.prediction, truth.outputs) == (0.0, b"")


def test_a_csvs_texts_are_read_as_what_they_mean() -> None:
    texts = {"row": "12", "time_ms": "", "label": "41.5", "prediction": "40", "weight": "", "note": "windy"}
    assert read_label(texts, POWER, NOW_MS) == Truth(12, None, 41.5, 40.0, b"", 1.0)


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ({"row": 1.5}, "bad_row"),
        ({"row": -1}, "bad_row"),
        ({"row": 2**60}, "bad_row"),
        ({"row": True}, "bad_row"),
        ({"row": [1]}, "bad_row"),
        ({"row": None}, "no_key"),
        ({"time_ms": "yesterday"}, "bad_time"),
        ({"time_ms": NOW_MS + 2 * 86_400_000}, "future_time"),
        ({"label": None}, "no_label"),
        ({"label": "maybe"}, "unknown_class"),
        ({"label": math.nan}, "unknown_class"),
        ({"label": {"a": 1}}, "unknown_class"),
        ({"weight": "heavy"}, "bad_weight"),
        ({"weight": -1}, "bad_weight"),
        ({"prediction": "maybe"}, "bad_prediction"),
        ({"outputs": [1.0]}, "bad_prediction"),
        ({"outputs": ["a", "b"]}, "bad_prediction"),
        ({"outputs": {"yes": 1}}, "bad_prediction"),
    ],
)
def test_what_is_wrong_has_a_word(label: dict[str, object], reason: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        read(CLASSES, **label)
    assert refusal.value.reason == reason
    assert reason in MEANINGS


def test_one_label_cannot_be_the_truth_of_several_numbers() -> None:
    with pytest.raises(RefusedError, match="several_outputs"):
        read(Target((), 2), label=1.0)


ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.floats() | st.text())


@given(label=st.dictionaries(st.sampled_from(FIELDS), ANYTHING), target=st.sampled_from([CLASSES, NUMBERED, POWER]))
def test_anything_is_read_or_refused(label: dict[str, object], target: Target) -> None:
    refusals: list[RefusedError] = []
    try:
        truth = read_label(label, target, NOW_MS)
    except RefusedError as refusal:
        refusals.append(refusal)
    else:
        assert math.isfinite(truth.label)
        assert truth.weight > 0
    assert all(refusal.reason in MEANINGS and refusal.detail.isprintable() for refusal in refusals)


def test_the_narrowest_window_that_covers_the_time_is_the_labels() -> None:
    truth = read(CLASSES, time_ms=15, prediction="no")
    assert match(truth, [Window(0, 30), Window(10, 20), Window(20, 30)], None).window == Window(10, 20)
    assert match(truth, [Window(0, 15), Window(16, 30)], None).reason == "no_window"


def test_a_row_that_was_never_scored_is_told_from_one_that_has_no_window_yet() -> None:
    truth = read(CLASSES, row=7, time_ms=15, prediction="no")
    assert match(truth, [], 6).reason == "row_never_scored"
    assert match(truth, [], 7).reason == "no_window"
    assert match(truth, [Window(0, 30)], 6).reason == ""
    assert match(read(CLASSES, row=7), [Window(0, 30)], 7).reason == "no_time"


def test_a_sampled_row_completes_a_label() -> None:
    sampled = [SampledPrediction(7, 15, (0.3, 0.7)), SampledPrediction(8, 16, (math.nan, 0.0))]
    found = complete(read(CLASSES, row=7), CLASSES, sampled)
    assert (found.time_ms, found.prediction) == (15, 1.0)
    by_time = complete(read(CLASSES, row=None, time_ms=15), CLASSES, sampled)
    assert (by_time.row, by_time.prediction) == (None, 1.0)
    assert complete(read(CLASSES, row=8), CLASSES, sampled).prediction is None
    assert complete(read(CLASSES, row=9), CLASSES, sampled) == read(CLASSES, row=9)


def test_a_correction_need_not_repeat_what_is_known() -> None:
    before = read(CLASSES, time_ms=15, outputs=[0.3, 0.7])
    assert inherit(read(CLASSES, label="no"), before) == read(CLASSES, label="no", time_ms=15, outputs=[0.3, 0.7])
    assert inherit(read(CLASSES, prediction="no"), before).prediction == 0.0
