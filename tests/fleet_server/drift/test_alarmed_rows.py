"""The sampled rows behind a verdict that drifts."""

from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col

from device_contract.samples import Sample, SampledRow
from fleet_server.app import FleetServer
from fleet_server.broker.ingest import Inbound
from fleet_server.client import schemas
from fleet_server.client.tables import alarmed_rows, table_of
from fleet_server.drift.tables import VerdictRow
from fleet_server.settings import DataFolder, Settings, read_settings
from fleet_server.setup import set_up
from tests.fleet_server.conftest import AppClient, ManualClock
from tests.fleet_server.drift.conftest import make_fleet
from tests.fleet_server.drift.days import DEVICES, LEARNED, report_days
from tests.fleet_server.drift.fleet import DAY_MS, MODEL, bundle_of
from tests.support.messages import BOOT_ID

DRIFTING = LEARNED
"""The first day on which ``b`` is broken."""
NAN = float("nan")


def row(number: int, temperature: float, contributions: Sequence[float] = ()) -> SampledRow:
    values, parts = array("f", (temperature, 0.5)).tobytes(), array("f", contributions).tobytes()
    outputs = array("d", (0.25,)).tobytes()
    return SampledRow(row=number, time_ms=number, values=values, outputs=outputs, contributions=parts)


def send(server: FleetServer, device_id: str, day: int, *rows: SampledRow) -> None:
    sample = Sample(
        device_id=device_id,
        boot_id=BOOT_ID,
        sequence=day,
        slot="champion",
        model=MODEL,
        version="1",
        bundle_sha256=bundle_of(MODEL, "1"),
        window_start_ms=day * DAY_MS,
        window_end_ms=(day + 1) * DAY_MS,
        rows_seen=40,
        redacted=(),
        rows=rows,
    )
    with server.rooms.database.session() as session:
        server.rooms.samples.ingest_samples(session, [Inbound(device_id, sample)])


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppClient]:
    """A client of a server that has judged six devices, of which ``b`` is broken and sent rows before and since."""
    folder, clock = DataFolder(Path(tmp_path_factory.mktemp("alarmed")) / "fleet"), ManualClock()
    set_up(folder, Settings(), clock)
    server = FleetServer(folder, read_settings(folder), clock)
    client = AppClient(server.app, folder.admin_token.read_text().strip())
    fleet = make_fleet(server, clock)
    for device_id in DEVICES:
        fleet.register(device_id)
    report_days(fleet, range(DRIFTING))
    report_days(fleet, range(DRIFTING, DRIFTING + 6), {"b": 3.0})
    fleet.judge()
    body = {"labels": {}, "rows_per_window": 10, "explain": True}
    assert client.request("PUT", "/api/v1/sampling-policies/all", json=body).status_code == 200
    send(server, "b", 2, row(1, 9.0))
    send(server, "b", DRIFTING + 4, row(2, 2.5, (0.75, 0.125)), row(3, -4.0), row(4, NAN), row(5, 3.0))
    send(server, "a", DRIFTING + 4, row(6, 8.0))
    with server.rooms.database.session() as session:
        together = update(VerdictRow).where(col(VerdictRow.device_id) == "c", col(VerdictRow.kind) == "own")
        session.execute(together.values(verdict="drift", evidence={"*": {"t2": {"severity": 1.5, "drifts": True}}}))
    send(server, "c", DRIFTING + 4, row(7, 0.25))
    yield client
    server.close()


def rows_of(api: AppClient, device_id: str, **query: Any) -> dict[str, Any]:
    answer = api.get(f"/api/v1/devices/{device_id}/drift/rows", params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_rows_since_the_verdict_began_come_with_what_drifts_in_them(api: AppClient) -> None:
    body = rows_of(api, "b")
    assert (body["verdict"], body["model"], body["looked_at"]) == ("drift", MODEL, 4)
    assert body["sentence"] == api.get("/api/v1/devices/b/drift").json()["own"]["sentence"]
    assert [one["row"] for one in body["rows"]] == [3, 5, 2, 4]  # the furthest from training first
    assert {tuple(one["streams"]) for one in body["rows"]} == {("temperature",)}
    found = body["rows"][2]["streams"]["temperature"]
    assert (found["value"], found["contributions"]) == (2.5, [0.75])
    assert found["distance_sd"] == pytest.approx(2.5, abs=0.1)
    assert body["rows"][3]["streams"]["temperature"] == {"value": None, "distance_sd": None, "contributions": []}


def test_the_strongest_few_are_told_of_those_that_were_looked_at(api: AppClient) -> None:
    body = rows_of(api, "b", limit=1, kind="own")
    assert (len(body["rows"]), body["looked_at"], body["rows"][0]["row"]) == (1, 4, 3)


def test_as_a_frame_each_has_a_line_for_each_stream(api: AppClient) -> None:
    first, *_ = lines = table_of(schemas.ALARMED_ROWS, alarmed_rows(rows_of(api, "b"))).to_pylist()
    assert [line["row"] for line in lines] == [3, 5, 2, 4]
    assert (first["device_id"], first["model"], first["stream"], first["value"]) == ("b", MODEL, "temperature", -4.0)


def test_what_drifts_in_all_features_together_tells_all_of_them(api: AppClient) -> None:
    (found,) = rows_of(api, "c")["rows"]
    assert {name: value["value"] for name, value in found["streams"].items()} == {"temperature": 0.25, "pressure": 0.5}


def test_while_nothing_drifts_there_are_no_rows(api: AppClient) -> None:
    body = rows_of(api, "a")
    assert (body["verdict"], body["looked_at"], body["rows"]) == ("stable", 0, [])


def test_raw_values_are_for_engineers(api: AppClient) -> None:
    token = api.post("/api/v1/tokens", json={"name": "vi", "role": "viewer"}).json()["token"]
    assert api.as_holder(token).get("/api/v1/devices/b/drift/rows").status_code == 403
    assert api.get("/api/v1/devices/nobody/drift/rows").status_code == 404
