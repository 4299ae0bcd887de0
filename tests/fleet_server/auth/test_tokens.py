"""Tokens open what their role allows, until they end."""

import base64
import re

import pytest
from sqlmodel import select

from fleet_server.app import FleetServer
from fleet_server.auth import Role
from fleet_server.auth.tables import TokenRow
from tests.fleet_server.conftest import AppClient, ManualClock, SharedServer

PROVED_BY_THE_BODY = {"/device/v1/enroll", "/device/v1/renew"}
"""Authorised by a one-time token and by the old key's signature."""
OPEN = {"/health", "/device/v1/ca/{token_id}", *PROVED_BY_THE_BODY}


def holder(http: AppClient, role: Role, **fields: int) -> AppClient:
    answer = http.post("/api/v1/tokens", json={"name": f"a {role}", "role": role, **fields})
    assert answer.status_code == 201, answer.text
    return http.as_holder(answer.json()["token"])


def operations(server: FleetServer) -> list[tuple[str, str]]:
    paths = server.app.openapi()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods] + [
        ("GET", "/openapi.json"),
        ("GET", "/docs"),
    ]


@pytest.mark.slow
def test_nothing_but_health_answers_without_a_token(http: AppClient, server: FleetServer) -> None:
    nobody = http.as_holder("")
    for method, path in operations(server):
        if path in OPEN or path.startswith("/device/v1/repository/"):
            continue
        answer = nobody.request(method, re.sub(r"\{\w+\}", "x1", path))
        assert answer.status_code == 401, (method, path)
        assert answer.headers.get_list("www-authenticate") == ['Basic realm="leeway"', "Bearer"]
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_viewer_reads_and_changes_nothing(http: AppClient, server: FleetServer) -> None:
    viewer = holder(http, Role.VIEWER)
    reading = ("/api/v1/devices", "/api/v1/models", "/api/v1/audit", "/openapi.json", "/docs", "/metrics")
    assert [viewer.get(path).status_code for path in reading] == [200] * len(reading)
    for method, path in operations(server):
        if method != "GET" and not path.startswith("/device/"):
            answer = viewer.request(method, re.sub(r"\{\w+\}", "x1", path), json=body_of(path))
            assert answer.status_code == 403, (method, path, answer.text)


def body_of(path: str) -> dict[str, object]:
    """Return a body that is well formed, so that the role alone decides."""
    bodies: dict[str, dict[str, object]] = {
        "/api/v1/tokens": {"name": "x", "role": "admin"},
        "/api/v1/models": {"name": "m", "public_keys": ["00" * 32]},
        "/api/v1/enrollment-tokens": {"device_id": "t1"},
        "/api/v1/devices/{device_id}": {"labels": {}},
        "/api/v1/deployments": {"model": "m", "version": "1"},
        "/api/v1/receivers": {"name": "ops", "kind": "mqtt"},
        "/api/v1/retraining-requests": {"model": "m", "reason": ""},
        "/api/v1/retraining-requests/{request_id}/answer": {"version": "1"},
        "/api/v1/summary-subscriptions": {"receiver": "ops", "every": "day"},
        "/api/v1/silences": {"matcher": {"rule": "peers"}, "until_ms": 0},
        "/api/v1/alert-rules": {"rules": [{"name": "late", "signal": "report.latency_s", "above": 60}]},
        "/api/v1/incidents/{incident_id}": {"owner": "ann"},
    }
    return bodies.get(path, {})


def test_roles_do_their_own_work(http: AppClient) -> None:
    operator, ci = holder(http, Role.OPERATOR), holder(http, Role.RELEASE_CI)
    assert operator.post("/api/v1/enrollment-tokens", json={"device_id": "t1"}).status_code == 201
    assert ci.post("/api/v1/enrollment-tokens", json={"device_id": "t1"}).status_code == 403
    assert ci.get("/api/v1/models/none/role").status_code == 404
    assert operator.get("/api/v1/models/none/role").status_code == 403
    assert operator.get("/api/v1/tokens").status_code == 403


def test_a_token_expires_and_can_be_deleted(http: AppClient, clock: ManualClock) -> None:
    short, long = holder(http, Role.VIEWER, valid_s=60), holder(http, Role.VIEWER)
    clock.advance(60)
    assert short.get("/api/v1/devices").json()["code"] == "token_expired"
    live = [token for token in http.get("/api/v1/tokens").json()["items"] if token["expires_ms"] > clock()]
    token_id = next(token["token_id"] for token in live if token["role"] == "viewer")
    assert http.request("DELETE", f"/api/v1/tokens/{token_id}").status_code == 204
    assert long.get("/api/v1/devices").status_code == 401
    assert http.request("DELETE", f"/api/v1/tokens/{token_id}").status_code == 404


def test_a_browser_may_use_basic(http: AppClient) -> None:
    basic = base64.b64encode(f"anyone:{http.token}".encode()).decode()
    answer = http.as_holder("").get("/docs", headers={"Authorization": f"Basic {basic}"})
    assert answer.status_code == 200
    assert "swagger" in answer.text


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer wrong", "Basic", "Basic %%%", "Basic eA==", "Digest x", "Bearer é", "\xff"]
)
def test_rubbish_is_no_token(shared: SharedServer, header: str) -> None:
    answer = shared.http.as_holder("").get("/api/v1/devices", headers={"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


def test_secrets_are_not_stored(http: AppClient, server: FleetServer) -> None:
    secret = holder(http, Role.VIEWER).token
    with server.rooms.database.reading() as session:
        stored = "".join(str(row.model_dump()) for row in session.exec(select(TokenRow)))
    assert secret not in stored
    assert secret not in http.get("/api/v1/tokens").text


def test_tokens_are_audited(http: AppClient) -> None:
    holder(http, Role.VIEWER)
    page = http.get("/api/v1/audit", params={"limit": 1}).json()
    assert (page["items"][0]["action"], page["items"][0]["detail"]["role"]) == ("token.create", "viewer")
    older = http.get("/api/v1/audit", params={"cursor": page["next_cursor"]}).json()["items"]
    assert [line["actor"] for line in older] == ["server"]
    assert http.get("/api/v1/audit", params={"cursor": "-1"}).status_code == 422
