"""Sampled rows: stored once, if the device may send them, and found again."""

import csv
import io
import math
from array import array
from typing import Any

import pyarrow as pa

from device_contract.samples import SampledRow
from tests.fleet_server.conftest import ManualClock
from tests.fleet_server.sampling.conftest import HOUR_MS, Site, sampled

NAN = math.nan
SAMPLES = "/api/v1/models/pump/versions/1.0/samples"


def refused(site: Site) -> dict[str, float]:
    metrics = site.http.get("/metrics").text.splitlines()
    lines = (line for line in metrics if line.startswith("leeway_samples_refused_total"))
    return {line.split('"')[1]: float(line.split()[-1]) for line in lines}


def test_rows_are_stored_once_and_acknowledged_each_time(site: Site) -> None:
    site.allow()
    contributions = array("f", (0.5, -1.5)).tobytes()
    first = site.sample(3, sampled(7, contributions=contributions), sampled(9, 1.5, NAN))
    assert site.send(first) == [3]
    assert site.send(first, site.sample(4, sampled(11))) == [3, 4]
    newest, oldest = site.stored()
    assert (newest["sequence"], [row["row"] for row in newest["rows"]]) == (4, [11])
    assert (oldest["window_end_ms"], oldest["rows_seen"], oldest["device_id"]) == (HOUR_MS, 100, "pump-7")
    assert oldest["rows"][0] == {
        "row": 7,
        "time_ms": 7000,
        "features": {"left": 1.0, "right": 2.0},
        "outputs": {"score": 3.0},
        "contributions": {"left": [0.5], "right": [-1.5]},
    }
    assert oldest["rows"][1]["features"] == {"left": 1.5, "right": None}
    assert oldest["rows"][1]["outputs"] == {"score": None}


def test_a_row_is_found_by_its_number(site: Site) -> None:
    site.allow()
    site.send(site.sample(1, sampled(5), sampled(50)), site.sample(2, sampled(20, 4.0)))
    found = site.server.rooms.samples.find("pump-7", 20)
    assert found is not None
    assert (found[0].sequence, array("f", found[1].values).tolist()) == (2, [4.0, 2.0])
    assert site.server.rooms.samples.find("pump-7", 21) is None
    assert site.server.rooms.samples.find("pump-8", 20) is None


UNSOUND: list[tuple[str, list[SampledRow], dict[str, Any]]] = [
    ("unknown_bundle", [sampled(1)], {"bundle_sha256": "e" * 64}),
    ("wrong_bundle", [sampled(1)], {"version": "2.0"}),
    ("wrong_window", [sampled(1)], {"window_start_ms": HOUR_MS}),
    ("wrong_window", [sampled(1)], {"window_end_ms": 10**15}),
    ("wrong_rows", [], {}),
    ("wrong_rows", [sampled(1), sampled(2)], {"rows_seen": 1}),
    ("wrong_rows", [sampled(number) for number in range(11)], {}),
    ("wrong_width", [SampledRow(row=1, time_ms=1, values=b"1234", outputs=bytes(8))], {}),
    ("wrong_width", [SampledRow(row=1, time_ms=1, values=bytes(8), outputs=b"")], {}),
    ("wrong_width", [sampled(1, contributions=bytes(12))], {}),
]


def test_what_is_unsound_is_refused_counted_and_acknowledged(site: Site) -> None:
    site.allow()
    for sequence, (reason, rows, changed) in enumerate(UNSOUND):
        before = refused(site).get(reason, 0)
        assert site.send(site.sample(sequence, *rows, **changed)) == [sequence]
        assert refused(site)[reason] == before + 1, (reason, changed)
    assert site.stored() == []


def test_what_a_device_may_not_send_is_not_stored(site: Site) -> None:
    assert site.send(site.sample(1, sampled(1))) == [1]
    site.allow(redacted=["right", "none of this model"])
    site.send(site.sample(2, sampled(1)), site.sample(3, sampled(2, 1.0, NAN), redacted=("right",)))
    assert [sample["sequence"] for sample in site.stored()] == [3]
    assert refused(site) == {"not_allowed": 1.0, "not_redacted": 1.0}


def test_samples_are_chosen_by_device_and_time_and_come_in_pages(site: Site) -> None:
    site.allow()
    hours = [site.sample(n, sampled(n), window_start_ms=n * HOUR_MS, window_end_ms=(n + 1) * HOUR_MS) for n in range(5)]
    site.send(*hours)
    window = {"since_ms": 2 * HOUR_MS, "until_ms": 4 * HOUR_MS}
    assert [sample["sequence"] for sample in site.stored(**window)] == [3, 2]
    assert site.stored(device_id="pump-8") == []
    page = site.http.get(SAMPLES, params={"limit": 3}).json()
    rest = site.http.get(SAMPLES, params={"limit": 3, "cursor": page["next_cursor"]}).json()
    assert [sample["sequence"] for sample in page["items"] + rest["items"]] == [4, 3, 2, 1, 0]
    assert site.http.get("/api/v1/models/pump/versions/9.9/samples").status_code == 404


def test_rows_come_as_a_table(site: Site) -> None:
    site.allow()
    site.send(site.sample(1, sampled(1, contributions=bytes(8)), sampled(2, NAN)), site.sample(2, sampled(3)))
    table = pa.ipc.open_stream(site.http.get(SAMPLES, params={"format": "arrow"}).content).read_all()
    assert table["row"].to_pylist() == [3, 1, 2]
    assert table["feature:right"].to_pylist() == [2.0, 2.0, 2.0]
    assert table["contributions"].to_pylist() == [None, [0.0, 0.0], None]
    assert math.isnan(table["output:score"].to_pylist()[2])
    text = site.http.get(SAMPLES, params={"format": "csv", "device_id": "pump-7"}).text
    assert [line["feature:left"] for line in csv.DictReader(io.StringIO(text))] == ["1", "1", "nan"]


def test_rows_are_for_engineers_alone(site: Site) -> None:
    for role, status in (("viewer", 403), ("operator", 403), ("ml_engineer", 200)):
        token = site.http.post("/api/v1/tokens", json={"name": role, "role": role}).json()["token"]
        assert site.http.as_holder(token).get(SAMPLES).status_code == status


def test_old_rows_go(site: Site, clock: ManualClock) -> None:
    site.allow()
    site.send(site.sample(1, sampled(1)))
    clock.advance(86_400)
    site.send(site.sample(2, sampled(2)))
    clock.advance(29.5 * 86_400)
    site.server._prune_samples()
    assert [sample["sequence"] for sample in site.stored()] == [2]
    site.send(site.sample(3, sampled(3)))
    assert [sample["sequence"] for sample in site.stored()] == [3, 2]


def test_a_sampled_row_is_explained(site: Site) -> None:
    site.allow()
    row = SampledRow(row=8, time_ms=1, values=array("f", (3.0, 4.0)).tobytes(), outputs=array("d", (10.0,)).tobytes())
    site.send(site.sample(1, row, sampled(9, NAN)))
    found = site.http.get("/api/v1/devices/pump-7/samples/8/explanation").json()
    # The bundle's training rows are (1, 2) and (-3, 0.5), the model is 2 left + right.
    assert (found["method"], found["of"], found["background_rows"]) == ("matrix", "outputs", 2)
    assert (found["outputs"], found["scores"], found["expected"]) == ([10.0], [10.0], [-0.75])
    assert found["features"] == [
        {"name": "left", "value": 3.0, "contributions": [8.0]},
        {"name": "right", "value": 4.0, "contributions": [2.75]},
    ]
    for number, status, code in ((9, 422, "not_explainable"), (10, 404, "not_sampled")):
        answer = site.http.get(f"/api/v1/devices/pump-7/samples/{number}/explanation")
        assert (answer.status_code, answer.json()["code"]) == (status, code)
