"""A summary over a server's own facts, and its subscribers."""

from collections.abc import Iterator

import msgspec
import pytest
from msgspec.structs import replace
from sqlmodel import select

from fleet_server.alerts.evaluation import Evaluation
from fleet_server.alerts.readings import Reading
from fleet_server.alerts.routing.notices import Letter
from fleet_server.alerts.routing.tables import DeliveryRow
from fleet_server.app import FleetServer
from fleet_server.bundles.tables import ModelRow
from fleet_server.devices.tables import DeviceRow
from fleet_server.drift.tables import VerdictRow
from fleet_server.settings import DataFolder, read_settings
from tests.fleet_server.conftest import AppClient, ManualClock
from tests.fleet_server.enrolling import enroll

SUBSCRIPTIONS = "/api/v1/summary-subscriptions"


@pytest.fixture
def plant(folder: DataFolder, clock: ManualClock) -> Iterator[FleetServer]:
    """A server with a mail server to hand letters to, and three devices."""
    settings = replace(read_settings(folder), mail_host="127.0.0.1", mail_from="leeway@example.org")
    server = FleetServer(folder, settings, clock)
    yield server
    server.close()


@pytest.fixture
def api(plant: FleetServer, folder: DataFolder) -> AppClient:
    client = AppClient(plant.app, folder.admin_token.read_text().strip())
    for device_id in "abc":
        enroll(client, device_id)
    with plant.rooms.database.session() as session:
        session.add(ModelRow(name="power", public_keys=[], threshold=1, created_ms=0))
        for device_id in "ab":
            row = session.get(DeviceRow, device_id)
            assert row is not None
            row.slots = [{"slot": "champion", "model": "power", "version": "2", "bundle_sha256": "0" * 64}]
            row.online = True
    client.post("/api/v1/receivers", json={"name": "anna", "kind": "mail", "address": "anna@example.org"})
    return client


def drift(server: FleetServer, clock: ManualClock, device_id: str) -> None:
    with server.rooms.database.session() as session:
        session.add(
            VerdictRow(
                device_id=device_id,
                model="power",
                kind="own",
                group="",
                version="2",
                verdict="drift",
                features=["wind"],
                outputs=[],
                severity=2.0,
                since_ms=0,
                stream_since_ms={"wind": 0},
                cause="",
                sentence="",
                advice="",
                evidence={},
            )
        )
        reading = Reading(
            signal="drift.own",
            subject=device_id,
            value=2.0,
            time_ms=clock(),
            sentence=f"{device_id} drifts.",
            device_id=device_id,
            model="power",
            features=["wind"],
        )
        Evaluation(session, clock()).take([reading])


def letters(server: FleetServer) -> list[Letter]:
    with server.rooms.database.session() as session:
        rows = session.exec(select(DeliveryRow)).all()
        return [msgspec.json.decode(row.body, type=Letter) for row in rows]


def test_the_fleet_and_a_model_are_summed_up(plant: FleetServer, api: AppClient, clock: ManualClock) -> None:
    drift(plant, clock, "a")
    drift(plant, clock, "b")
    clock.advance(3 * 86_400)
    fleet = api.get("/api/v1/summary").json()
    assert fleet["devices"] == {"active": 3, "online": 2, "silent": 3, "revoked": 0}
    assert fleet["versions"] == [{"model": "power", "version": "2", "devices": 2}]
    assert fleet["streams"] == [{"model": "power", "name": "wind", "devices": 2}]
    assert [incident["devices"] for incident in fleet["incidents"]] == [2]
    assert sum(day["warning"] for day in fleet["alerts"]) == 2
    assert len(fleet["alerts"]) in {7, 8}
    model = api.get("/api/v1/models/power/summary", params={"days": 1}).json()
    assert (model["devices"]["active"], model["model"], model["verdicts"]) == (
        2,
        "power",
        [{"kind": "own", "verdict": "drift", "devices": 2}],
    )
    assert sum(day["warning"] for day in model["alerts"]) == 0
    page = api.get("/api/v1/models/power/summary.html")
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert "2 devices of model power" in page.text
    assert api.get("/api/v1/models/nobody/summary").status_code == 404


def test_a_subscriber_gets_one_letter_each_day(plant: FleetServer, api: AppClient, clock: ManualClock) -> None:
    made = api.post(SUBSCRIPTIONS, json={"receiver": "anna", "every": "day", "hour": 6, "model": "power"})
    assert made.status_code == 201, made.text
    plant.rooms.summaries.step()
    assert letters(plant) == []
    for _ in range(48):
        clock.advance(3600)
        plant.rooms.summaries.step()
    assert [letter.subject for letter in letters(plant)] == ["[summary] power: the day"] * 2
    assert "<!doctype html>" in letters(plant)[0].html
    assert api.request("DELETE", f"{SUBSCRIPTIONS}/{made.json()['subscription_id']}").status_code == 204
    assert api.get(SUBSCRIPTIONS).json()["items"] == []


@pytest.mark.parametrize(
    ("change", "status"), [({"receiver": "nobody"}, 404), ({"model": "nobody"}, 404), ({"receiver": "plant"}, 422)]
)
def test_a_summary_goes_to_people(api: AppClient, change: dict[str, str], status: int) -> None:
    api.post("/api/v1/receivers", json={"name": "plant", "kind": "mqtt"})
    body = {"receiver": "anna", "every": "week"} | change
    assert api.post(SUBSCRIPTIONS, json=body).status_code == status
    assert api.request("DELETE", f"{SUBSCRIPTIONS}/nothing").status_code == 404
