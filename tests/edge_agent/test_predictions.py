"""Predictions: kept until their labels come, across restarts and versions."""

from array import array
from pathlib import Path

from edge_agent.counters import Counters
from edge_agent.predictions import RINGS_KEPT, Predictions


def open_predictions(folder: Path, capacity: int = 10) -> tuple[Predictions, Counters]:
    counters = Counters(lambda: 0.0)
    return Predictions(folder, capacity, counters), counters


def keep(predictions: Predictions, version: str, rows: range) -> None:
    ring = predictions.ring("pump", version, 2)
    assert ring is not None
    for row in rows:
        ring.keep(row, 1000 * row, array("d", (row, -row)))


def test_a_prediction_is_found_by_number_and_by_time_until_its_place_is_needed(tmp_path: Path) -> None:
    predictions, _ = open_predictions(tmp_path)
    keep(predictions, "1.0", range(1, 16))
    found = predictions.find(9, None)
    assert found is not None
    assert (found.model, found.version, found.row, found.time_ms) == ("pump", "1.0", 9, 9000)
    assert array("d", found.outputs).tolist() == [9.0, -9.0]
    assert predictions.find(None, 9000) == found
    assert predictions.find(5, None) is predictions.find(None, 5000) is predictions.find(16, None) is None
    assert predictions.find(None, 0) is predictions.find(None, None) is None


def test_labels_for_a_former_version_find_their_pair_after_a_restart(tmp_path: Path) -> None:
    first, _ = open_predictions(tmp_path)
    keep(first, "1.0", range(1, 4))
    keep(first, "2.0", range(4, 6))
    second, _ = open_predictions(tmp_path)
    found = [second.find(row, None) for row in (1, 3, 4)]
    assert [prediction and prediction.version for prediction in found] == ["1.0", "1.0", "2.0"]


def test_rings_of_the_oldest_versions_go(tmp_path: Path) -> None:
    predictions, counters = open_predictions(tmp_path)
    for number in range(RINGS_KEPT + 2):
        keep(predictions, f"{number}.0", range(number + 1, number + 2))
    assert len(list((tmp_path / "predictions").iterdir())) == RINGS_KEPT
    assert predictions.find(RINGS_KEPT + 2, None) is not None
    assert counters.snapshot() == {}


def test_a_wide_model_has_a_shorter_memory(tmp_path: Path) -> None:
    predictions, _ = open_predictions(tmp_path, capacity=1_000_000)
    ring = predictions.ring("pump", "1.0", 1000)
    assert ring is not None
    path = next((tmp_path / "predictions").iterdir())
    assert path.stat().st_size <= 4 << 20


def test_where_no_ring_can_be_kept_it_is_counted(tmp_path: Path) -> None:
    (tmp_path / "predictions").write_bytes(b"a file in the folder's place")
    predictions, counters = open_predictions(tmp_path)
    assert predictions.ring("pump", "1.0", 1) is None
    assert counters.snapshot()["predictions_unkept"] >= 1


def test_files_that_are_no_rings_are_counted_and_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "predictions"
    folder.mkdir()
    (folder / "rubbish.ring").write_bytes(b"")
    predictions, counters = open_predictions(tmp_path)
    assert predictions.find(1, None) is None
    assert counters.snapshot() == {"predictions_unkept": 1}
