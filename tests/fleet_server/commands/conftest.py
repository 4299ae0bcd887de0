"""A real fleet server, and the command line before it."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from typer.testing import CliRunner, Result

from fleet_server.cli import app
from tests.fleet_server.commands.running_server import LEEWAY_FLEET, RunningServer, run_server

Operate = Callable[..., Result]
Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with run_server(tmp_path_factory.mktemp("server") / "data") as running:
        yield running


@pytest.fixture
def operate(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> Operate:
    """Run ``leeway-fleet`` against the server, as administrator unless told otherwise."""
    for name in [name for name in os.environ if name.startswith("LEEWAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LEEWAY_SERVER", server.url)
    monkeypatch.setenv("LEEWAY_TOKEN", server.admin_token)
    monkeypatch.setenv("LEEWAY_CA", str(server.ca))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments)

    return run


@pytest.fixture
def ask(operate: Operate) -> Ask:
    """Run a command that must succeed, with ``--json``, and return what it answers."""

    def run(*arguments: str) -> dict[str, Any]:
        result = operate(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return dict(json.loads(result.stdout))

    return run


@pytest.fixture
def viewer_token(operate: Operate) -> str:
    return str(operate("tokens", "create", "onlooker", "--role", "viewer").stdout.strip())


@pytest.fixture(scope="session")
def ci_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@pytest.fixture
def ci_pub(ci_key: Ed25519PrivateKey, tmp_path: Path) -> Path:
    path = tmp_path / "ci.pub"
    path.write_bytes(ci_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return path


@pytest.fixture
def foreign_ca(tmp_path: Path) -> Path:
    """The CA of another fleet."""
    folder = tmp_path / "foreign"
    subprocess.run([*LEEWAY_FLEET, "init", "--data", str(folder)], check=True, stdout=subprocess.DEVNULL)
    return folder / "ca" / "ca.crt"
