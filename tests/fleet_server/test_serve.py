"""The server as a process: set up, TLS, its broker, ports that are taken, signals."""

import re
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from fleet_server.settings import DataFolder
from tests.fleet_server.commands.running_server import LEEWAY_FLEET
from tests.support.ports import free_port

pytestmark = pytest.mark.slow


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*LEEWAY_FLEET, *arguments], capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def data(tmp_path: Path, database_url: str) -> DataFolder:
    folder = DataFolder(tmp_path / "fleet")
    ports = ("--http-port", str(free_port()), "--mqtt-port", str(free_port()))
    made = run("init", "--data", str(folder.path), *ports, "--database-url", database_url)
    assert made.returncode == 0, made.stderr
    return folder


def port_of(data: DataFolder, name: str) -> int:
    match = re.search(rf"^{name} = (\d+)$", data.settings_file.read_text(), re.MULTILINE)
    assert match is not None
    return int(match[1])


@pytest.fixture
def process(data: DataFolder) -> Iterator[subprocess.Popen[str]]:
    command = [*LEEWAY_FLEET, "serve", "--data", str(data.path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as serving:
        yield serving
        serving.kill()


def client_of(data: DataFolder, host: str = "127.0.0.1") -> httpx.Client:
    context = ssl.create_default_context(cafile=str(data.certificates / "ca.crt"))
    token = data.admin_token.read_text().strip()
    return httpx.Client(
        base_url=f"https://{host}:{port_of(data, 'http_port')}",
        verify=context,
        headers={"Authorization": f"Bearer {token}"},
    )


def wait_healthy(data: DataFolder, process: subprocess.Popen[str]) -> None:
    with client_of(data) as client:
        while process.poll() is None:
            try:
                if client.get("/health").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
    raise AssertionError(process.stderr and process.stderr.read())


def test_it_serves_over_tls_and_stops_clean(data: DataFolder, process: subprocess.Popen[str]) -> None:
    wait_healthy(data, process)
    for host in ("127.0.0.1", "localhost"):
        with client_of(data, host) as client:
            assert client.get("/api/v1/devices").json() == {"items": [], "next_cursor": None}
            assert client.get("/openapi.json").json()["info"]["title"] == "Leeway fleet server"
    with socket.create_connection(("127.0.0.1", port_of(data, "mqtt_port"))):
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()


def test_what_was_stored_is_there_after_a_kill(data: DataFolder, process: subprocess.Popen[str]) -> None:
    wait_healthy(data, process)
    with client_of(data) as client:
        assert client.post("/api/v1/enrollment-tokens", json={"device_id": "t1"}).status_code == 201
    process.kill()
    process.wait(30)
    command = [*LEEWAY_FLEET, "serve", "--data", str(data.path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as again:
        wait_healthy(data, again)
        with client_of(data) as client:
            actions = [line["action"] for line in client.get("/api/v1/audit").json()["items"]]
        again.send_signal(signal.SIGINT)
        assert again.wait(30) == 0
    assert actions == ["enrollment_token.create", "token.create"]


@pytest.mark.parametrize("setting", ["http_port", "mqtt_port"])
def test_a_port_that_is_taken_is_one_line(data: DataFolder, setting: str) -> None:
    port = port_of(data, setting)
    with socket.create_server(("127.0.0.1", port)):
        stopped = run("serve", "--data", str(data.path))
    assert stopped.returncode == 1
    assert len(stopped.stderr.strip().splitlines()) == 1, stopped.stderr
    assert f"127.0.0.1:{port}: Address already in use" in stopped.stderr
    assert f"choose another {setting}" in stopped.stderr


def test_an_expired_administrator_gets_a_new_token(data: DataFolder) -> None:
    before = data.admin_token.read_text()
    assert run("admin-token", "--data", str(data.path)).returncode == 0
    assert data.admin_token.read_text() != before


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("serve",), "run `leeway-fleet init --data"),
        (("admin-token",), "run `leeway-fleet init --data"),
        (("init", "--http-port", "0"), "http_port"),
        (("init", "--broker", "none"), "broker"),
        (("init", "--host", "not a host"), "host"),
        (("init", "--database-url", "rubbish"), "database address"),
        (("init", "--database-url", "postgresql+psycopg://127.0.0.1:1/x"), "cannot open the database"),
    ],
)
def test_a_wrong_start_is_one_line(tmp_path: Path, arguments: tuple[str, ...], line: str) -> None:
    stopped = run(arguments[0], "--data", str(tmp_path / "fleet"), *arguments[1:])
    assert stopped.returncode == 1
    assert line in stopped.stderr
    assert stopped.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["keys/ca.key", "keys/server.key", "ca/ca.crt", "ca/fleet-server.crt"])
@pytest.mark.parametrize("content", [b"rubbish", None], ids=["damaged", "missing"])
def test_a_damaged_data_folder_is_one_line(tmp_path: Path, name: str, content: bytes | None) -> None:
    folder = tmp_path / "fleet"
    ports = ("--http-port", str(free_port()), "--mqtt-port", str(free_port()))
    assert run("init", "--data", str(folder), *ports).returncode == 0
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    stopped = run("serve", "--data", str(folder))
    assert stopped.returncode == 1
    assert str(folder / name) in stopped.stderr.splitlines()[-1]
    assert "Traceback" not in stopped.stderr


def test_a_database_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "fleet.db").write_bytes(b"rubbish" * 100)
    stopped = run("init", "--data", str(tmp_path / "fleet"), "--database-url", f"sqlite:///{tmp_path / 'fleet.db'}")
    assert stopped.stderr == "leeway-fleet: cannot open the database: file is not a database\n"
    assert stopped.returncode == 1


def test_init_twice_changes_nothing(data: DataFolder) -> None:
    again = run("init", "--data", str(data.path))
    assert (again.returncode, again.stderr) == (
        1,
        f"leeway-fleet: {data.path} is set up already; nothing was changed\n",
    )
