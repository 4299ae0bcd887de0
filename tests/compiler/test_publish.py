"""Publishing against a real HTTPS server that answers as the fleet server does."""

import json
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray

from compiler import compile_model
from compiler.errors import PublishError
from compiler.publish import Published, Server, publish
from compiler.signing import verify_bundle
from device_contract import bundle
from tests.support.authority import Authority, Identity

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NOW = datetime(2026, 3, 1, tzinfo=UTC)


class FleetServer(ThreadingHTTPServer):
    """Keeps the role of a model, and what was sent last."""

    role: bytes | None = None
    sent: dict[str, bytes] | None = None
    refusal: tuple[int, bytes] | None = None
    authorization = ""


class Handler(BaseHTTPRequestHandler):
    server: FleetServer

    def do_GET(self) -> None:
        self.server.authorization = self.headers["Authorization"]
        if self.path == "/api/v1/models/pump/role" and self.server.role is not None:
            self._answer(200, self.server.role)
        else:
            self._answer(404, b'{"detail":"no such model"}')

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.refusal is not None:
            self._answer(*self.server.refusal)
            return
        header = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        parts = message_from_bytes(header + body).get_payload()
        assert isinstance(parts, list)
        self.server.sent = {
            str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True)  # type: ignore[union-attr,misc]
            for part in parts
        }
        self.server.role = self.server.sent["role"]
        self._answer(201, json.dumps({"model": "pump"}).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return Authority(tmp_path_factory.mktemp("tls")).issue("fleet")


@pytest.fixture
def fleet(identity: Identity) -> Iterator[FleetServer]:
    server = FleetServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.certificate, identity.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def target(fleet: FleetServer, identity: Identity) -> Server:
    return Server(f"https://127.0.0.1:{fleet.server_port}", "the-token", identity.ca)


@pytest.fixture(scope="module")
def data(linear: Any, rows: NDArray[np.float32]) -> bytes:
    return compile_model(linear, rows, name="pump", version="1", kind="onnx").data


def test_a_bundle_is_published_with_its_signature_and_role(fleet: FleetServer, target: Server, data: bytes) -> None:
    opened = bundle.read(data)
    assert publish(opened, data, KEY, target, NOW) == Published("pump/1/portable.bundle", is_new=True)
    assert fleet.authorization == "Bearer the-token"
    assert fleet.sent is not None
    assert fleet.sent["bundle"] == data
    verify_bundle(opened, fleet.sent["signature"], KEY.public_key())


def test_publishing_twice_is_as_good_as_once(fleet: FleetServer, target: Server, data: bytes) -> None:
    publish(bundle.read(data), data, KEY, target, NOW)
    fleet.refusal = (500, b"must not be asked again")
    assert not publish(bundle.read(data), data, KEY, target, NOW).is_new


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        ((403, b'{"title":"Forbidden","detail":"the token may not publish"}'), r"\(403\): the token may not publish"),
        ((404, b'{"detail":"no such model"}'), r"\(404\): no such model"),
        ((502, b"<html>bad gateway</html>"), r"\(502\): <html>bad gateway"),
    ],
)
def test_a_refusal_is_told_in_the_server_s_words(
    fleet: FleetServer, target: Server, data: bytes, refusal: tuple[int, bytes], reason: str
) -> None:
    fleet.refusal = refusal
    with pytest.raises(PublishError, match=f"the server refused {reason}"):
        publish(bundle.read(data), data, KEY, target, NOW)


def test_a_server_that_the_ca_does_not_vouch_for_is_refused(fleet: FleetServer, data: bytes) -> None:
    server = Server(f"https://127.0.0.1:{fleet.server_port}", "t", None)
    with pytest.raises(PublishError, match=r"cannot reach .*CERTIFICATE_VERIFY_FAILED"):
        publish(bundle.read(data), data, KEY, server, NOW)
    assert fleet.authorization == ""


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:1", "not an https:// address"),
        ("https://127.0.0.1:1", "cannot reach https://127.0.0.1:1"),
        ("https://", "cannot reach"),
        ("https://127.0.0.1:port", "characters that are not allowed"),
    ],
)
def test_a_server_that_cannot_be_reached_is_told(data: bytes, url: str, reason: str) -> None:
    with pytest.raises(PublishError, match=reason):
        publish(bundle.read(data), data, KEY, Server(url, "t", None), NOW)


@pytest.mark.parametrize("token", ["", "tok\u20acn", "two words", "secret\nheader: x"])
def test_a_token_that_is_no_token_is_told_and_not_shown(data: bytes, token: str) -> None:
    with pytest.raises(PublishError, match="empty or holds characters that are not allowed: copy it again") as refused:
        publish(bundle.read(data), data, KEY, Server("https://127.0.0.1:1", token, None), NOW)
    assert "secret" not in str(refused.value)


def test_a_ca_that_cannot_be_read_is_told(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("rubbish")
    for path in (tmp_path / "missing.pem", tmp_path / "ca.pem"):
        with pytest.raises(PublishError, match="cannot read CA certificate"):
            publish(bundle.read(data), data, KEY, Server("https://127.0.0.1:1", "t", path), NOW)
