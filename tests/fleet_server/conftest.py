"""Fixtures of the fleet server's tests: a database of either kind, and a clock that tests move."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
from tests.conftest import address_of, new_postgresql
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


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with the schema and no rows: copying it takes less than running the steps."""
    path = tmp_path_factory.mktemp("template") / "fleet.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgresql_template(postgresql_folder: Path) -> Iterator[str]:
    """Name of a PostgreSQL database with the schema and no rows."""
    with new_postgresql(postgresql_folder) as name:
        _migrate(address_of(postgresql_folder, name))
        yield name


def _migrate(url: str) -> None:
    database = Database(url)
    database.migrate()
    database.close()


KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)]


@contextmanager
def _new_database(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """Give the address of a copy of a template, of the kind that is the fixture's parameter."""
    if request.param == "sqlite":
        path = folder / "fleet.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server = request.getfixturevalue("postgresql_folder")
    with new_postgresql(server, request.getfixturevalue("postgresql_template")) as name:
        yield address_of(server, name)


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of a database with the schema and no rows, of each kind in turn."""
    with _new_database(request, tmp_path) as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database with the schema and no rows."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def folder_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with keys, certificates and a repository, but no settings: its setup was interrupted."""
    made = DataFolder(tmp_path_factory.mktemp("template") / "fleet")
    set_up(made, Settings(), ManualClock())
    for leftover in (made.settings_file, made.admin_token, made.path / "fleet.db"):
        leftover.unlink()
    return made.path


def _new_folder(path: Path, template: Path, database_url: str, clock: ManualClock) -> DataFolder:
    shutil.copytree(template, path)
    made = DataFolder(path)
    set_up(made, Settings(database_url=database_url), clock)
    return made


@pytest.fixture
def folder(tmp_path: Path, folder_template: Path, database_url: str, clock: ManualClock) -> DataFolder:
    """A data folder that is set up, over a fresh database of each kind in turn."""
    return _new_folder(tmp_path / "fleet", folder_template, database_url, clock)


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


@dataclass(frozen=True)
class SharedServer:
    """A server that the tests of a module share: each only reads, is refused, or has devices of its own."""

    server: FleetServer
    clock: ManualClock
    database_url: str
    http: AppClient


@pytest.fixture(scope="module", params=KINDS)
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, folder_template: Path
) -> Iterator[SharedServer]:
    """The whole server, over a database of each kind in turn, once for the module."""
    path, clock = tmp_path_factory.mktemp("shared"), ManualClock()
    with _new_database(request, path) as url:
        folder = _new_folder(path / "fleet", folder_template, url, clock)
        server = FleetServer(folder, read_settings(folder), clock)
        yield SharedServer(server, clock, url, AppClient(server.app, folder.admin_token.read_text().strip()))
        server.close()


@pytest.fixture(scope="session")
def seeded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server in a process of its own, with the small fleet of ``seeded_fleet``."""
    with run_server(tmp_path_factory.mktemp("seeded") / "data") as running:
        seeded_fleet.seed(seeded_fleet.database_of(running.data))
        yield running
