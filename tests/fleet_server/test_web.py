"""Every answer that is an error is problem+json; bodies have limits."""

import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy.exc import TimeoutError as NoConnectionError
from starlette.requests import Request

from fleet_server.alerts.routing.tables import ReceiverRow
from fleet_server.app import FleetServer
from fleet_server.db import Database
from fleet_server.web import MAX_BODY_BYTES, BodyLimit, install
from tests.fleet_server.conftest import AppClient, SharedServer

JSON = {"Content-Type": "application/json"}


class Body(BaseModel):
    text: str


@pytest.fixture
def small() -> AppClient:
    app = FastAPI()
    install(app)
    app.add_middleware(BodyLimit, uploads={"versions": 4 * MAX_BODY_BYTES})

    @app.post("/json")
    def take_json(body: Body) -> int:
        return len(body.text)

    @app.post("/models/m/versions")
    async def take_upload(request: Request) -> int:
        return len(await request.body())

    @app.get("/fail")
    def fail() -> None:
        raise RuntimeError("secret detail")

    @app.get("/full")
    def write_to_a_full_disk() -> None:
        Path("/dev/full").write_bytes(b"x")

    @app.get("/away")
    def ask_a_database_that_is_away() -> None:
        Database("sqlite:////nowhere/secret.db").ping()

    @app.get("/busy")
    def ask_a_database_that_has_no_connection_left() -> None:
        raise NoConnectionError("QueuePool limit of size 16 overflow 16 reached, secret")

    return AppClient(app, "")


async def chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 65_536 + 1):
        yield b"x" * 65_536


def test_a_declared_body_that_is_too_large_is_refused(small: AppClient) -> None:
    answer = small.post("/json", content=b"x" * (MAX_BODY_BYTES + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/json", "/models/m/versions"])
def test_an_undeclared_one_is_refused_where_it_crosses_the_limit(small: AppClient, path: str) -> None:
    answer = small.post(path, content=chunks(4 * MAX_BODY_BYTES))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_uploads_have_a_limit_of_their_own(small: AppClient) -> None:
    assert small.post("/models/m/versions", content=b"x" * (2 * MAX_BODY_BYTES)).json() == 2 * MAX_BODY_BYTES


@pytest.mark.parametrize("length", ["-1", "many", "1e3", "99999999999999999999"])
def test_a_strange_length_does_no_harm(small: AppClient, length: str) -> None:
    answer = small.post("/json", content=b"{}", headers={"Content-Length": length})
    assert answer.status_code in {413, 422}


def test_a_failure_says_nothing_of_its_inside(small: AppClient) -> None:
    answer = small.get("/fail")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "secret" not in answer.text


@pytest.mark.parametrize("path", ["/full", "/away", "/busy"])
def test_a_full_disk_or_a_database_away_is_for_the_moment(small: AppClient, path: str) -> None:
    answer = small.get(path)
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text


def test_what_somebody_else_makes_at_the_same_moment_is_a_conflict(server: FleetServer, http: AppClient) -> None:
    told = {"name": "desk", "kind": "mqtt"}
    with ThreadPoolExecutor(1) as other:
        with server.rooms.database.session() as session:
            session.add(ReceiverRow(**told, address="", minimum_severity="warning", secret="", created_ms=0))
            session.flush()
            answer = other.submit(http.post, "/api/v1/receivers", json=told)
            time.sleep(0.3)
        assert answer.result().status_code == 409


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/none", 404), ("PUT", "/json", 405), ("POST", "/json", 422)]
)
def test_the_frameworks_own_errors_are_problems_too(small: AppClient, method: str, path: str, status: int) -> None:
    answer = small.request(method, path, content=b"{")
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_unauthenticated_upload_is_refused_unread(server: FleetServer) -> None:
    read: list[int] = []

    async def upload() -> AsyncIterator[bytes]:
        for _ in range(100):
            read.append(65_536)
            yield b"x" * 65_536

    async def send() -> int:
        transport = httpx.ASGITransport(server.app)
        async with httpx.AsyncClient(transport=transport, base_url="https://fleet") as client:
            headers = {"Content-Type": "multipart/form-data; boundary=b"}
            return (await client.post("/api/v1/models/m/versions", content=upload(), headers=headers)).status_code

    assert anyio.run(send) == 401
    assert read == []


@pytest.mark.parametrize(
    ("method", "path", "content", "detail"),
    [
        ("GET", "devices?limit=0", {}, "limit must be at least 1"),
        ("GET", "devices?limit=x", {}, "limit must be a whole number"),
        ("GET", "audit?cursor=%00", {}, "cursor must be visible ASCII characters"),
        ("GET", "models/Pump/windows", {}, "model must be small letters, digits, '.', _ and -, at most 64, with a"),
        ("POST", "tokens", {"json": {"name": "x", "role": "king"}}, "role must be 'viewer', 'ml_engineer', 'operator'"),
        ("POST", "tokens", {"json": {"name": ""}}, "name must fit the pattern ^[A-Za-z0-9]"),
        ("POST", "deployments", {"json": {"version": 1}}, "model is missing; version must be a text"),
        (
            "POST",
            "deployments",
            {"json": {"model": "m", "version": "1", "waves": []}},
            "waves must have a length of at",
        ),
        ("POST", "deployments", {"json": []}, "the body must be an object"),
        ("POST", "deployments", {}, "the body is missing"),
        ("POST", "deployments", {"content": b"{", "headers": JSON}, "the body is not JSON: Expecting property name"),
        ("PUT", "models/m/drift/policy", {"json": {"tolerance_sd": -1}}, "tolerance_sd must be at least 0"),
        ("PUT", "models/m/drift/policy", {"json": {"knob": 1}}, "knob is not known here"),
    ],
)
def test_a_refusal_names_the_field_and_what_it_may_be(
    shared: SharedServer, method: str, path: str, content: dict[str, Any], detail: str
) -> None:
    answer = shared.http.request(method, f"/api/v1/{path}", **content)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(detail)
