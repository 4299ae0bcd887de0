"""Labels: paired with what was predicted, gathered, and counted where they can be none."""

import math
from array import array
from pathlib import Path
from typing import Any

import pytest

from device_contract.feedback import MAX_LABELS, LabelledRow
from edge_agent.counters import Counters
from edge_agent.feedback import GATHERING_S, Feedback, Truth, Version
from edge_agent.predictions import Predictions


class Desk:
    """Feedback over real predictions, and what it has kept."""

    def __init__(self, folder: Path) -> None:
        self.counters = Counters(lambda: 0.0)
        self.predictions = Predictions(folder, 100, self.counters)
        self.active: Version | None = ("pump", "2.0")
        self.kept: list[tuple[Version, tuple[LabelledRow, ...]]] = []
        self.feedback = Feedback(
            self.predictions, lambda: self.active, lambda *labels: self.kept.append(labels), self.counters
        )
        ring = self.predictions.ring("pump", "1.0", 1)
        assert ring is not None
        for row in range(1, 11):
            ring.keep(row, 1000 * row, array("d", (row / 10,)))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_label_goes_with_its_prediction_by_number_or_by_time(desk: Desk) -> None:
    assert desk.feedback.add(Truth("worn", row=3), 0.0)
    assert desk.feedback.add(Truth(1, time_ms=5000, weight=2), 0.0)
    desk.feedback.flush()
    ((version, labels),) = desk.kept
    assert version == ("pump", "1.0")
    assert labels == (
        LabelledRow(row=3, time_ms=3000, outputs=array("d", (0.3,)).tobytes(), label="worn"),
        LabelledRow(row=5, time_ms=5000, outputs=array("d", (0.5,)).tobytes(), label=1.0, weight=2.0),
    )


def test_a_label_for_a_forgotten_row_goes_without_and_is_counted(desk: Desk) -> None:
    assert desk.feedback.add(Truth(0.5, row=99, time_ms=7), 0.0)
    desk.feedback.flush()
    assert desk.kept == [(("pump", "2.0"), (LabelledRow(row=99, time_ms=7, outputs=b"", label=0.5),))]
    assert desk.counters.snapshot() == {"feedback_unmatched": 1}


def test_labels_gather_for_a_moment_and_go_at_once_when_a_message_is_full(desk: Desk) -> None:
    desk.feedback.add(Truth(1.0, row=1), 100.0)
    desk.feedback.flush(100.0 + GATHERING_S - 0.1)
    assert desk.kept == []
    desk.feedback.flush(100.0 + GATHERING_S)
    assert len(desk.kept) == 1
    for _ in range(MAX_LABELS):
        desk.feedback.add(Truth(1.0, row=1), 200.0)
    assert [len(labels) for _, labels in desk.kept] == [1, MAX_LABELS]
    desk.feedback.flush()
    assert len(desk.kept) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"row": -1},
        {"row": 2**60},
        {"row": "3"},
        {"row": True},
        {"time_ms": 1.5},
        {"row": 1, "weight": -1.0},
        {"row": 1, "weight": math.nan},
        {"row": 1, "weight": "heavy"},
        {"row": 1, "weight": 10**5000},
        {"row": 1, "label": math.nan},
        {"row": 1, "label": 10**400},
        {"row": 1, "label": 10**5000},
        {"row": 1, "label": None},
        {"row": 1, "label": ["worn"]},
        {"row": 1, "label": "x" * 513},
        {"row": 1, "label": "\0"},
    ],
)
def test_what_can_be_no_label_is_counted_and_dropped(desk: Desk, wrong: dict[str, Any]) -> None:
    assert not desk.feedback.add(Truth(**({"label": 1.0} | wrong)), 0.0)
    desk.feedback.flush()
    assert (desk.kept, desk.counters.snapshot()) == ([], {"feedback_refused": 1})


def test_where_no_version_ever_scored_a_label_means_nothing(desk: Desk) -> None:
    desk.active = None
    assert not desk.feedback.add(Truth(1.0, row=99), 0.0)
    assert desk.counters.snapshot() == {"feedback_refused": 1}
