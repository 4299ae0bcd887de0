"""Models of frames on a device: each record of the source is a sample of a stream."""

import array
import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from device_contract.errors import RowError
from device_contract.frames import Band, Channel, Frame, Framer
from edge_agent import Scorer
from edge_agent.errors import RowRefusedError
from edge_agent.frames import FrameReader
from edge_agent.rows import Record
from tests.edge_agent.bundles import assigned
from tests.edge_agent.bundles import make_bundle as make_bundle_of_rows
from tests.edge_agent.conftest import AgentProcess
from tests.edge_agent.fleet_simulator import FleetSimulator
from tests.support import bundles, plans
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
T0_MS = 1_700_000_000_000 - 1_700_000_000_000 % 60_000
FRAME = Frame(
    sample_rate_hz=10.0,
    length=8,
    hop=4,
    channels=(Channel(name="x", unit="g"), Channel(name="y", unit="A")),
    features=("mean", "maximum"),
    bands=(Band(low_hz=1, high_hz=5),),
)
WEIGHTS = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)


def make_bundle() -> bytes:
    """Return a bundle whose score is a weighted sum of the frame's six features."""
    plan = plans.linear_plan(6, 1, array.array("d", WEIGHTS).tobytes(), bytes(8))
    models = {"plan": plan}
    return bundles.make_bundle("pump", "1.0", models, features=FRAME.feature_names(), outputs=("score",), frame=FRAME)


def sample(number: int) -> tuple[float, float]:
    return math.sin(number), float(number % 7)


def expected_scores(count: int) -> list[float]:
    """Return the scores of the frames of the first samples."""
    framer = Framer(FRAME)
    rows = [list(framer.row) for number in range(count) if framer.push(sample(number))]
    return [sum(weight * value for weight, value in zip(WEIGHTS, row, strict=True)) for row in rows]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "pump.bundle"
    path.write_bytes(make_bundle())
    return path


def test_an_application_pushes_samples(bundle: Path) -> None:
    scorer = Scorer.open(bundle)
    given = [scorer.push(sample(number)) for number in range(23)]
    assert [number for number, score in enumerate(given) if score is not None] == [7, 11, 15, 19]
    assert [score for score in given if score is not None] == pytest.approx(expected_scores(23))
    assert scorer.score([1.0] * 6) == 21.0


def test_an_application_pushes_no_samples_into_a_model_of_rows(tmp_path: Path) -> None:
    (tmp_path / "rows.bundle").write_bytes(make_bundle_of_rows("1.0"))
    with pytest.raises(RowError, match="has no frame"):
        Scorer.open(tmp_path / "rows.bundle").push([1.0, 2.0])


def test_a_refused_sample_is_a_missing_one() -> None:
    reader = FrameReader(FRAME)
    rows = []
    for number in range(20):
        try:
            row = reader.read(Record([1.0] if number == 9 else sample(number)))
        except RowRefusedError:
            reader.skip()
        else:
            rows += [list(row)] if row is not None else []
    assert [math.isnan(row[0]) for row in rows] == [False, True, True, False]


def test_a_sample_by_name_may_hold_more_and_lack_values() -> None:
    reader = FrameReader(FRAME)
    for _ in range(7):
        assert reader.read(Record({"y": 2.0, "z": "spare", "x": None, "time": 5})) is None
    row = reader.read(Record({"x": 1.0, "y": 2.0}))
    assert row is not None
    assert all(map(math.isnan, row[:3]))
    assert list(row[3:]) == [2.0, 2.0, 0.0]


def test_the_command_scores_a_stream(bundle: Path) -> None:
    lines = [json.dumps({"time": number, "x": x, "y": y}) for number, (x, y) in enumerate(map(sample, range(16)))]
    done = subprocess.run(
        [sys.executable, "-m", "edge_agent.cli", "score", "--bundle", str(bundle)],
        input="\n".join([*lines[:12], "rubbish", *lines[13:]]),
        capture_output=True,
        check=False,
        cwd=ROOT,
        text=True,
    )
    scores = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["time"] for line in scores] == [7, 11, 15]
    assert [line["score"] for line in scores[:2]] == pytest.approx(expected_scores(12))
    assert scores[2]["score"] is None
    assert done.stderr.splitlines()[-1] == "1 rows failed"


@pytest.mark.slow
def test_a_device_replays_a_stream(
    fleet: FleetSimulator, start_agent: Callable[..., AgentProcess], tmp_path: Path
) -> None:
    """Samples of 100 ms, two and a half minutes of them: the score and the statistics of each frame."""
    stream = tmp_path / "stream.csv"
    lines = (f"{T0_MS + 100 * number},{x!r},{y!r}" for number, (x, y) in enumerate(map(sample, range(1500))))
    stream.write_text("\n".join(["time,x,y", *lines]) + "\n")
    fleet.start_broker()
    fleet.repository.add("pump/1.0/portable.bundle", make_bundle())
    agent = start_agent("--source", f"replay:{stream}?speed=50", "--sink", "stdout")
    fleet.assign(assigned("1.0", make_bundle()), action_id="a1")
    expected = expected_scores(1500)
    fleet.wait_for_status("committed", phase="succeeded", rows_scored=len(expected))
    wait_until(lambda: len(fleet.reports) == 3, "the windows: two minutes, and a half at the end")
    assert sum(report.rows for report in fleet.reports) == len(expected)
    assert agent.process.stdout is not None
    scores = [json.loads(agent.process.stdout.readline()) for _ in expected]
    assert [line["time"] for line in scores] == [T0_MS + 100 * (7 + 4 * number) for number in range(len(expected))]
    assert [line["score"] for line in scores] == pytest.approx(expected)
