"""Policies over HTTP: kept, audited, and signed into the assignments of their devices."""

import base64
import json

from fleet_server.rollouts.tables import AssignmentRow
from tests.fleet_server.conftest import AppClient, ManualClock
from tests.fleet_server.sampling.conftest import Site

POLICIES = "/api/v1/sampling-policies"


def test_a_policy_is_kept_shown_and_audited_without_its_key(site: Site) -> None:
    site.allow(redacted=["right", "left", "right"], minimum_rows=5, explain=True)
    shown = site.http.get(f"{POLICIES}/north").json()
    assert shown.pop("changed_ms") == site.server.rooms.clock()
    assert shown == {
        "name": "north",
        "labels": {"site": "north"},
        "rows_per_window": 10,
        "minimum_rows": 5,
        "redacted": ["left", "right"],
        "explain": True,
        "changed_by": "admin",
    }
    line = site.http.get("/api/v1/audit", params={"action": "sampling_policy.put"}).json()["items"][0]
    assert (line["subject"], line["detail"]["rows_per_window"], "key" in line["detail"]) == ("north", 10, False)


def test_a_changed_policy_keeps_its_key(site: Site) -> None:
    keys = []
    for rows in (10, 20):
        site.allow(rows_per_window=rows)
        with site.server.rooms.database.reading() as session:
            allowed = site.server.rooms.sampling_policies.allowed(session, ["pump-7"])["pump-7"]
        assert allowed is not None
        assert allowed.rows_per_window == rows
        keys.append(allowed.key)
    assert keys[0] == keys[1]


def test_a_removed_policy_allows_nothing_any_more(site: Site) -> None:
    site.allow()
    assert site.http.request("DELETE", f"{POLICIES}/north").status_code == 204
    assert site.http.request("DELETE", f"{POLICIES}/north").status_code == 404
    assert site.http.get(f"{POLICIES}/north").json()["code"] == "not_found"
    with site.server.rooms.database.reading() as session:
        assert site.server.rooms.sampling_policies.allowed(session, ["pump-7"]) == {"pump-7": None}


def test_policies_come_in_pages(site: Site) -> None:
    for name in ("c", "a", "b"):
        site.allow(name)
    first = site.http.get(POLICIES, params={"limit": 2}).json()
    rest = site.http.get(POLICIES, params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [policy["name"] for policy in first["items"] + rest["items"]] == ["a", "b", "c"]


def test_what_cannot_be_meant_is_refused(site: Site) -> None:
    for body in (
        {"rows_per_window": 257},
        {"rows_per_window": -1},
        {"rows_per_window": 5, "minimum_rows": -1},
        {"rows_per_window": 5, "labels": {"site": "\x00"}},
        {"rows_per_window": 5, "redacted": ["x"] * 1001},
        {"rows_per_window": 5, "redacted": [f"{number:0100}" for number in range(60)]},
        {},
    ):
        answer = site.http.request("PUT", f"{POLICIES}/north", content=json.dumps(body))
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), body
    assert site.http.request("PUT", f"{POLICIES}/North!", json={"rows_per_window": 5}).status_code == 422


def test_a_change_of_a_policy_or_of_a_label_is_signed_into_the_assignment(site: Site, clock: ManualClock) -> None:
    _deploy(site.http)
    seen = [_signed(site)]
    site.allow()
    seen.append(_signed(site))
    _label(site.http, "south")
    seen.append(_signed(site))
    _label(site.http, "north")
    seen.append(_signed(site))
    site.http.request("DELETE", f"{POLICIES}/north")
    seen.append(_signed(site))
    assert [signed and signed[1] for signed in seen] == [None, 10, None, 10, None]
    clock.advance(1)
    assert _signed(site) is None


def _deploy(http: AppClient) -> None:
    body = {"model": "pump", "version": "1.0", "target": {"labels": {}}, "waves": [{"percent": 100}]}
    assert http.post("/api/v1/deployments", json=body).status_code == 201


def _label(http: AppClient, place: str) -> None:
    answer = http.request("PATCH", "/api/v1/devices/pump-7", json={"labels": {"site": place}})
    assert answer.status_code == 200, answer.text


def _signed(site: Site) -> tuple[str, int] | None:
    """Let the control loop go on; return key and rows that the device's present assignment allows."""
    site.server.rooms.rollouts.step()
    with site.server.rooms.database.reading() as session:
        row = session.get(AssignmentRow, "pump-7")
    assert row is not None
    payload = json.loads(base64.b64decode(json.loads(row.envelope)["payload"]))
    sampling = payload["sampling"]
    return None if sampling is None else (sampling["key"], sampling["rows_per_window"])
