"""A request is opened with evidence, shown with its model, and closed by the version that answers it."""

import datetime as dt
from typing import Any

import pytest

from device_contract.manifest import Lineage
from fleet_server.alerts.evaluation import Evaluation
from fleet_server.alerts.language import Rule
from fleet_server.alerts.readings import Reading
from fleet_server.auth import Role
from tests.fleet_server.conftest import AppClient, ManualClock
from tests.fleet_server.releases import FEATURES, OUTPUTS, Ci
from tests.fleet_server.sampling.conftest import Site
from tests.support.bundles import make_bundle

REQUESTS = "/api/v1/retraining-requests"


def ask(site: Site, **changed: str) -> Any:
    return site.http.post(REQUESTS, json={"model": "pump", "reason": "It is winter."} | changed)


def drift(site: Site, clock: ManualClock, *, model: str = "pump", device_id: str = "pump-7") -> None:
    """Let a rule that asks for training find something."""
    server = site.server
    server.rooms.alerts.rules.put("ann", [Rule(name="own", signal="drift.own", above=0, request_retraining=True)])
    reading = Reading(
        signal="drift.own",
        subject=device_id,
        value=2.0,
        time_ms=clock(),
        sentence="It drifts.",
        device_id=device_id,
        model=model,
        features=["left"],
    )
    with server.rooms.database.session() as session:
        Evaluation(session, clock()).take([reading])


def only(site: Site) -> dict[str, Any]:
    (request,) = site.http.get(REQUESTS, params={"model": "pump"}).json()["items"]
    return dict(request)


def test_a_person_asks_once_and_the_model_shows_it(site: Site) -> None:
    made = ask(site)
    assert (made.status_code, made.json()["state"]) == (201, "open")
    assert ask(site).json()["code"] == "request_exists"
    assert ask(site, model="nobody").status_code == 404
    shown = site.http.get("/api/v1/models/pump").json()["retraining"]
    assert (shown["request_id"], shown["reason"]) == (made.json()["request_id"], "It is winter.")


def test_a_person_carries_it_on(site: Site) -> None:
    path = f"{REQUESTS}/{ask(site).json()['request_id']}"
    assert site.http.post(f"{path}/accept").json()["state"] == "accepted"
    assert site.http.post(f"{path}/accept").status_code == 409
    assert site.http.post(f"{path}/answer", json={"version": "9"}).status_code == 404
    answered = site.http.post(f"{path}/answer", json={"version": "1.0"}).json()
    assert (answered["state"], answered["version"]) == ("answered", "1.0")
    assert site.http.get("/api/v1/models/pump").json()["retraining"] is None
    assert site.http.post(f"{REQUESTS}/{ask(site).json()['request_id']}/withdraw").json()["state"] == "withdrawn"
    assert site.http.get(f"{REQUESTS}/nothing").status_code == 404


def test_a_rule_asks_once_with_evidence(site: Site, clock: ManualClock) -> None:
    drift(site, clock)
    site.server.rooms.retraining.step()
    clock.advance(90_000)
    drift(site, clock, device_id="pump-8")
    site.server.rooms.retraining.step()
    site.server.rooms.retraining.step()
    request = only(site)
    assert (request["opened_by"], request["reason"]) == ("rule:own", "It drifts.")
    assert [incident["features"] for incident in request["evidence"]["incidents"]] == [["left"]]
    site.http.post(f"{REQUESTS}/{request['request_id']}/withdraw")
    site.server.rooms.retraining.step()  # what a person has withdrawn is not asked for again by the same incidents
    assert only(site)["state"] == "withdrawn"


def test_a_rule_about_a_model_that_is_not_here_asks_for_nothing(site: Site, clock: ManualClock) -> None:
    drift(site, clock, model="nobody")
    site.server.rooms.retraining.step()
    assert site.http.get(REQUESTS).json()["items"] == []


def test_the_version_that_names_it_closes_it(http: AppClient, site: Site, clock: ManualClock) -> None:
    ci = Ci("fan", dt.datetime.fromtimestamp(clock() // 1000, dt.UTC))
    http.post("/api/v1/models", json={"name": "fan", "public_keys": [ci.public_key]})
    request_id = ask(site, model="fan").json()["request_id"]
    for version, answers in (("1", "another"), ("2", request_id)):
        lineage = Lineage(model_sha256="0" * 64, sample_sha256="1" * 64, parameters={"answers": answers})
        data = make_bundle("fan", version, {"plan": b"plan"}, features=FEATURES, outputs=OUTPUTS, lineage=lineage)
        assert http.post("/api/v1/models/fan/versions", files=ci.release(version, data=data).files()).is_success
        site.server.rooms.retraining.step()
        state = http.get(f"{REQUESTS}/{request_id}").json()
        assert (state["state"], state["version"]) == (("open", None) if version == "1" else ("answered", "2"))
    assert state["changed_by"] == "server"


def test_every_change_is_told(site: Site) -> None:
    site.server.rooms.alerts.receivers.create("ann", "ops", "webhook", "https://ops.example/")
    request_id = ask(site).json()["request_id"]
    site.http.post(f"{REQUESTS}/{request_id}/withdraw")
    assert site.server.rooms.alerts.receivers.waiting(["ops"])["ops"].notices == 2


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_asking_is_for_engineers(site: Site, role: Role) -> None:
    _, secret = site.server.rooms.auth.create("test", "ann", role, 60)
    assert site.http.as_holder(secret).post(REQUESTS, json={}).status_code == 403
    assert site.http.as_holder(secret).get(REQUESTS).status_code == 200
