"""Truth from an application to the figures of its windows: late, out of order, corrected, over a restart."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import skops.io
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

import edge_agent
from edge_agent.sinks.sink import ScoredRow
from examples.wind_turbines.fleet import Fleet
from fleet_server.client import FleetClient
from tests.end_to_end.conftest import START_MS

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("fleet", ["site"], indirect=True)]

PUMP = "pump-1"
CLASSES = ("good", "worn")
WINDOW_S = 100
LABELLED = 40
WAITING = "/api/v1/models/demo/feedback?limit=500&reason=no_window"
WRONG = (4, 8, 12)
"""Of the labelled rows of each window, how many are other than predicted."""


@pytest.fixture
def deployed(fleet: Fleet, rows: NDArray[np.float32], sample: Path, tmp_path: Path) -> Fleet:
    """A fleet whose only device shall hold a classifier."""
    classes = np.array(CLASSES)[(rows[:, 0] > 10.0).astype(int)]
    skops.io.dump(LogisticRegression().fit(rows - rows.mean(axis=0), classes), tmp_path / "wear.skops")
    fleet.create_model()
    fleet.publish("1", tmp_path / "wear.skops", sample)
    fleet.enroll(PUMP)
    fleet.deploy("1")
    return fleet


def score(agent: edge_agent.Agent, rows: NDArray[np.float32], seconds: range) -> list[ScoredRow]:
    """Score a row a second."""
    found = [agent.score(rows[second].tolist(), time_ms=START_MS + 1000 * second) for second in seconds]
    return [scored for scored in found if scored is not None]


def tell(agent: edge_agent.Agent, window: Iterable[ScoredRow], wrong: int) -> None:
    """Tell the truth of a window's first rows, the last of them first."""
    for place, scored in reversed(list(enumerate(window))[:LABELLED]):
        predicted = int(np.argmax(scored.outputs))
        assert agent.feedback(CLASSES[predicted if place >= wrong else 1 - predicted], row=scored.row)


def labelled(fleet: Fleet) -> dict[int, tuple[int, float | None]]:
    """Return the labels and the accuracy of each window, by its number."""
    items = fleet.get("/api/v1/models/demo/performance?by=window")["items"]
    return {
        (item["window_start_ms"] - START_MS) // (1000 * WINDOW_S): (
            item["labelled"],
            item["figures"].get("accuracy", {}).get("value"),
        )
        for item in items
    }


def accuracy(wrong: int) -> float:
    return 1.0 - wrong / LABELLED


def test_labels_patch_the_windows_they_belong_to(deployed: Fleet, rows: NDArray[np.float32]) -> None:
    state = deployed.folder / PUMP
    with edge_agent.Agent(state, window_s=WINDOW_S) as agent:
        assert agent.wait_for_model(60)
        windows = [score(agent, rows, range(100 * number, 100 * number + 100)) for number in range(3)]
        assert [len(window) for window in windows] == [100] * 3
        tell(agent, windows[2], WRONG[2])  # its window is still open: the labels are there before the report
        deployed.until("labels that wait", lambda: len(deployed.get(WAITING)["items"]) == LABELLED)
        tell(agent, windows[1], WRONG[1])
        score(agent, rows, range(300, 301))  # what closes the third window
        expected = {0: (0, None)} | {number: (40, pytest.approx(accuracy(WRONG[number]))) for number in (1, 2)}
        deployed.until("the labels of two windows", lambda: labelled(deployed) == expected)

    with edge_agent.Agent(state, window_s=WINDOW_S) as agent:  # another day: the predictions are remembered
        tell(agent, windows[0], WRONG[0] + 1)
        mended = windows[0][WRONG[0]]
        agent.feedback(CLASSES[int(np.argmax(mended.outputs))], row=mended.row)
        expected |= {0: (40, pytest.approx(accuracy(WRONG[0]))), 3: (0, None)}
        deployed.until("the late labels", lambda: labelled(deployed) == expected)
    _check_frames(deployed)


def _check_frames(fleet: Fleet) -> None:
    """See that the client tells the same of device and version."""
    with FleetClient(fleet.url, fleet.token, fleet.data / "ca" / "ca.crt") as client:
        for by, place in (("device", ("device_id", PUMP)), ("version", ("version", "1"))):
            frame = client.performance("demo", by=by).set_index([place[0], "figure"])
            found = frame.loc[(place[1], "accuracy")]
            assert (found["labelled"], found["rows"], found["source"]) == (3 * LABELLED, 301, "labels")
            assert found["value"] == pytest.approx(1.0 - sum(WRONG) / (3 * LABELLED))
            assert found["low"] < found["value"] < found["high"]
            assert frame.loc[(place[1], "auc"), "value"] == pytest.approx(1.0, abs=0.5)
        assert len(client.feedback("demo", device=PUMP)) == 3 * LABELLED
