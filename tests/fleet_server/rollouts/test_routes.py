"""The HTTP side of deployments: what a client sees."""

from typing import Any

import pytest
from fastapi import FastAPI

from fleet_server import web
from fleet_server.auth import AuthService, Role
from fleet_server.rollouts.routes import router
from tests.fleet_server.conftest import AppClient

BODY = {"id": "power-1", "model": "power", "version": "1", "waves": [{"percent": 50}, {"percent": 100}]}


@pytest.fixture
def auth(fleet: Any) -> AuthService:
    return AuthService(fleet.database, fleet.audit, fleet.clock)


@pytest.fixture
def client(fleet: Any, auth: AuthService) -> AppClient:
    fleet.add_devices("t1", "t2", site="north")
    fleet.publish_version("1")
    app = FastAPI()
    web.install(app)
    app.include_router(router(fleet.rollouts, auth))
    return AppClient(app, _token(auth, Role.OPERATOR))


def _token(auth: AuthService, role: Role) -> str:
    return auth.create("test", role, role, 3600)[1]


def test_a_deployment_from_its_making_to_its_end(fleet: Any, client: AppClient) -> None:
    made = client.post("/api/v1/deployments", json=BODY)
    assert made.status_code == 201
    assert (made.json()["state"], made.json()["reason"]) == ("running", "")
    assert [wave["members"] for wave in made.json()["waves"]] == [1, 1]
    fleet.rollouts.step()
    (first,) = fleet.told()
    fleet.says(first, "failed", detail="no space left on the device")
    fleet.rollouts.step()
    shown = client.get("/api/v1/deployments/power-1").json()
    assert (shown["state"], shown["reason"]) == ("paused", "error_threshold")
    assert shown["waves"][0] == {
        "number": 1,
        "state": "failed",
        "reason": "error_threshold",
        "detail": "1 of 1 devices failed, at most 5.00% may",
        "members": 1,
        "succeeded": 0,
        "failed": 1,
        "open": 0,
        "excused": 0,
        "no_variant": 0,
        "counts": {"failed": 1},
    }
    (action,) = client.get("/api/v1/deployments/power-1/actions", params={"state": "failed"}).json()["items"]
    assert (action["device_id"], action["detail"]) == (first, "no space left on the device")
    assert client.post("/api/v1/deployments/power-1/rollback").json()["state"] == "rolling_back"
    assert client.get("/api/v1/deployments/power-1").json()["returned"] == {"offered": 1}


def test_the_same_request_is_made_once(client: AppClient) -> None:
    first = client.post("/api/v1/deployments", json=BODY)
    again = client.post("/api/v1/deployments", json=BODY)
    other = client.post("/api/v1/deployments", json=BODY | {"soak_s": 9})
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert again.json() == first.json()
    assert other.headers["content-type"] == "application/problem+json"
    assert other.json()["code"] == "conflict"


def test_a_dry_run_lists_members_and_changes_nothing(client: AppClient) -> None:
    answer = client.post("/api/v1/deployments", json=BODY, params={"dry_run": True})
    assert answer.status_code == 200
    waves = answer.json()["waves"]
    assert sorted(device for wave in waves for device in wave["members"]) == ["t1", "t2"]
    assert client.get("/api/v1/deployments").json()["items"] == []
    made = client.post("/api/v1/deployments", json=BODY).json()
    actions = client.get(f"/api/v1/deployments/{made['id']}/actions").json()["items"]
    assert {action["device_id"]: action["wave"] for action in actions} == {
        device: wave["number"] for wave in waves for device in wave["members"]
    }


def test_lists_come_in_pages_the_newest_first(fleet: Any, client: AppClient) -> None:
    for number in range(3):
        fleet.clock.advance(1)
        client.post("/api/v1/deployments", json=BODY | {"id": f"d{number}"})
    page = client.get("/api/v1/deployments", params={"limit": 2}).json()
    assert [item["id"] for item in page["items"]] == ["d2", "d1"]
    rest = client.get("/api/v1/deployments", params={"limit": 2, "cursor": page["next_cursor"]}).json()
    assert [item["id"] for item in rest["items"]] == ["d0"]
    assert rest["next_cursor"] is None
    assert client.get("/api/v1/deployments", params={"cursor": "rubbish"}).status_code == 422


@pytest.mark.parametrize(
    "change",
    [
        {"waves": []},
        {"waves": [{}]},
        {"waves": [{"percent": 50, "labels": {}}]},
        {"waves": [{"percent": 101}]},
        {"waves": [{"percent": 100}, {"percent": 50}]},
        {"success_threshold": 1.5},
        {"version": "../1"},
        {"id": "a/b"},
        {"target": {"labels": {"si te": "north"}}},
        {"target": {"labels": {"site": "moon"}}},
        {"unknown": 1},
    ],
)
def test_what_cannot_be_meant_is_a_problem(client: AppClient, change: dict[str, Any]) -> None:
    answer = client.post("/api/v1/deployments", json=BODY | change)
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_unknown_things_and_forbidden_verbs_are_problems(client: AppClient) -> None:
    assert client.post("/api/v1/deployments", json=BODY | {"version": "9"}).status_code == 404
    assert client.get("/api/v1/deployments/none").status_code == 404
    assert client.get("/api/v1/deployments/none/actions").status_code == 404
    assert client.post("/api/v1/deployments/none/pause").status_code == 404
    client.post("/api/v1/deployments", json=BODY)
    assert client.post("/api/v1/deployments/power-1/explode").status_code == 422
    assert client.post("/api/v1/deployments/power-1/resume").status_code == 200
    assert client.post("/api/v1/deployments/power-1/abort").json()["state"] == "aborted"
    assert client.post("/api/v1/deployments/power-1/pause").status_code == 409


def test_a_viewer_looks_and_does_not_touch(client: AppClient, auth: AuthService) -> None:
    viewer = client.as_holder(_token(auth, Role.VIEWER))
    assert viewer.get("/api/v1/deployments").status_code == 200
    assert viewer.post("/api/v1/deployments", json=BODY).status_code == 403
    assert client.as_holder("no").get("/api/v1/deployments").status_code == 401
