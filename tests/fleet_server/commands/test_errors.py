"""Bad input and bad luck: one clear line and the exit code of the family."""

import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.fleet_server.commands.conftest import Operate
from tests.fleet_server.commands.running_server import LEEWAY_FLEET, RunningServer

pytestmark = pytest.mark.slow


def one_line(text: str) -> str:
    assert text.count("\n") == 1
    assert "Traceback" not in text
    return text


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (("devices", "list", "--server", "https://127.0.0.1:1"), 3, "cannot reach https://127.0.0.1:1"),
        (("devices", "list", "--server", "http://127.0.0.1:1"), 2, "not an https address"),
        (("devices", "list", "--server", "https://[::"), 2, "is not an address"),
        (("devices", "list", "--token", "lwt_unknown"), 4, "not known here (give the token with --token"),
        (("devices", "list", "--ca", "/nowhere/ca.crt"), 2, "cannot read the CA /nowhere/ca.crt: No such file"),
        (("devices", "list", "--label", "north"), 2, "write KEY=VALUE"),
        (("devices", "show", "nobody"), 6, "Not found: no device 'nobody'"),
        (("devices", "show", "no body"), 8, "Invalid request: device_id must be letters, digits, _ and -, at most 64"),
        (("devices", "show", "../tokens"), 6, "Not Found: /api/v1/devices/../tokens"),
        (("devices", "show", ""), 2, "an argument is empty"),
        (("devices", "revoke", "nobody"), 6, "no device 'nobody'"),
        (("models", "show", "nothing"), 6, "no model 'nothing'"),
        (
            ("models", "create", "m", "--key", "/nowhere/ci.pub"),
            2,
            "cannot read the public key /nowhere/ci.pub: No such",
        ),
        (("rules", "apply", "/nowhere/rules.toml"), 2, "cannot read the rules in /nowhere/rules.toml: No such file"),
        (("rules", "apply", "/dev/null"), 2, "it has no `rules`; in TOML each begins with [[rules]]"),
        (("feedback", "send", "m", "/nowhere/labels.csv"), 2, "cannot read /nowhere/labels.csv: No such file"),
        (("silences", "add", "--for-s", "60", "--device", "nobody"), 6, "silence: no device 'nobody'; name a device"),
        (("tokens", "delete", "none"), 6, "no token 'none'"),
        (("tokens", "create", "ci", "--role", "king"), 8, "Invalid request: role must be 'viewer', 'ml_engineer'"),
        (("deployments", "show", "none"), 6, "no deployment 'none'"),
        (("deployments", "pause", "none"), 6, "no deployment 'none'"),
        (("deployments", "watch", "none"), 6, "no deployment 'none'"),
        (("deployments", "create", "--model", "m", "--version", "1", "--waves", "ten"), 2, "wave 'ten'"),
        (("deployments", "create", "--model", "m", "--version", "1", "--waves", "100"), 6, "no version '1'"),
        (
            ("deployments", "create", "--model", "m", "--version", "1", "--waves", "101"),
            8,
            "waves.0.percent must be at most 100",
        ),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, tuple) else None,
)
def test_an_error_is_one_line_and_an_exit_code(
    operate: Operate, arguments: tuple[str, ...], exit_code: int, said: str
) -> None:
    result = operate(*arguments)
    assert said in one_line(result.stderr)
    assert (result.exit_code, result.stdout) == (exit_code, "")


def test_a_role_that_may_not_is_told(operate: Operate, viewer_token: str) -> None:
    result = operate("devices", "revoke", "d1", "--token", viewer_token)
    assert "Not allowed: role viewer may not do this" in one_line(result.stderr)
    assert result.exit_code == 5


def test_an_expired_token_is_told(operate: Operate) -> None:
    token = operate("tokens", "create", "short", "--role", "viewer", "--valid-s", "1").stdout.strip()
    result = operate("devices", "list", "--token", token)
    while result.exit_code == 0:
        result = operate("devices", "list", "--token", token)
    assert "the token has expired" in one_line(result.stderr)
    assert result.exit_code == 4


def test_what_exists_is_not_made_again(operate: Operate, ci_pub: Path) -> None:
    for exit_code in (0, 7):
        result = operate("models", "create", "made-once", "--key", str(ci_pub))
        assert result.exit_code == exit_code
    assert "'made-once' exists" in one_line(result.stderr)


def test_a_key_of_another_kind_is_told(operate: Operate, server: RunningServer) -> None:
    result = operate("models", "create", "m", "--key", str(server.ca))
    assert "is no Ed25519 key in PEM: give the ci.pub" in one_line(result.stderr)
    assert result.exit_code == 2


def test_another_ca_is_not_believed(operate: Operate, foreign_ca: Path) -> None:
    result = operate("devices", "list", "--ca", str(foreign_ca))
    assert "is not signed by the given CA" in one_line(result.stderr)
    assert result.exit_code == 3


def test_something_else_than_a_fleet_server_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        address = f"https://127.0.0.1:{listener.getsockname()[1]}"
        command = [*LEEWAY_FLEET, "devices", "list", "--server", address, "--token", "x"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        connection, _ = listener.accept()
        with connection:
            connection.recv(1 << 16)
            connection.sendall(b"SSH-2.0-OpenSSH\r\n")
        _, error = process.communicate(timeout=120)
    assert "cannot reach" in one_line(error)
    assert process.returncode == 3


class OtherServer(BaseHTTPRequestHandler):
    """Answers every GET with the bytes that the test has set."""

    body = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def other_server(server: RunningServer) -> Iterator[str]:
    """Another HTTPS server under a certificate that the fleet's CA has signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.data / "ca" / "server.crt", server.data / "keys" / "server.key")
    with ThreadingHTTPServer(("127.0.0.1", 0), OtherServer) as other:
        other.socket = context.wrap_socket(other.socket, server_side=True)
        threading.Thread(target=other.serve_forever, daemon=True).start()
        yield f"https://127.0.0.1:{other.server_port}"
        other.shutdown()


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"null", b"[1]", b"\xff\xfe\0", b"[" * 100_000, b"{}", b'{"items": 5}'],
    ids=["html", "null", "list", "binary", "deep", "no-items", "strange-items"],
)
@pytest.mark.parametrize("arguments", [("devices", "list"), ("deployments", "watch", "d")], ids=" ".join)
def test_other_json_than_a_fleet_server_s_is_told(
    operate: Operate, other_server: str, arguments: tuple[str, ...], body: bytes
) -> None:
    OtherServer.body = body
    result = operate(*arguments, "--server", other_server)
    assert "fleet server" in one_line(result.stderr)
    assert (result.exit_code, result.stdout) == (9, "")


def test_the_commands_do_without_the_servers_own_packages() -> None:
    heavy = ["fastapi", "sqlmodel", "sqlalchemy", "amqtt", "paho", "uvicorn", "tuf", "numpy"]
    program = (
        "import sys; from typer.testing import CliRunner; from fleet_server.cli import app; "
        "CliRunner().invoke(app, ['devices', 'list', '--server', 'https://127.0.0.1:1', '--token', 'x']); "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
