"""Fixtures of the fleet server's tests: a database of either kind, and a clock that tests move."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from fastapi import FastAPI

from fleet_server.app import FleetServer
from fleet_server.db import Database
from fleet_server.settings import DataFolder, Settings, read_settings
from fleet_server.setup import set_up
from tests.fleet_server import seeded_fleet
from tests.fleet_server.commands.running_server import RunningServer, run_server


class ManualClock:
    """A clock that moves when told to; Unix milliseconds."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def advance(self, seconds: float) -> None:
        self.now_ms += int(1000 * seconds)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of a fresh database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'fleet.db'}"
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh database with its schema."""
    opened = Database(database_url)
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path, database_url: str, clock: ManualClock) -> DataFolder:
    """A data folder that is set up, over a fresh database of each kind in turn."""
    made = DataFolder(tmp_path / "fleet")
    set_up(made, Settings(database_url=database_url), clock)
    return made


@pytest.fixture
def server(folder: DataFolder, clock: ManualClock) -> Iterator[FleetServer]:
    """The whole server but for its threads and ports."""
    built = FleetServer(folder, read_settings(folder), clock)
    yield built
    built.close()


class AppClient:
    """Calls an application's routes in this process, one request at a time."""

    def __init__(self, app: FastAPI, token: str) -> None:
        self.app = app
        self.token = token

    def as_holder(self, token: str) -> "AppClient":
        return AppClient(self.app, token)

    def request(self, method: str, path: str, **content: Any) -> httpx.Response:
        return anyio.run(self._request, method, path, content)

    def get(self, path: str, **content: Any) -> httpx.Response:
        return self.request("GET", path, **content)

    def post(self, path: str, **content: Any) -> httpx.Response:
        return self.request("POST", path, **content)

    async def _request(self, method: str, path: str, content: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        async with httpx.AsyncClient(transport=transport, base_url="https://fleet", headers=headers) as client:
            return await client.request(method, path, **content)


@pytest.fixture
def http(server: FleetServer, folder: DataFolder) -> AppClient:
    """A client of the server's routes, as an administrator."""
    return AppClient(server.app, folder.admin_token.read_text().strip())


@pytest.fixture(scope="session")
def seeded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server in a process of its own, with the small fleet of ``seeded_fleet``."""
    with run_server(tmp_path_factory.mktemp("seeded") / "data") as running:
        seeded_fleet.seed(seeded_fleet.database_of(running.data))
        yield running
