"""A fleet in one test process: a CA, a TUF repository over real HTTPS, and a real mosquitto.

Modelled on python-tuf's repository simulator: what a test changes here the device sees at
its next request. It speaks the server's side of ``docs/formats/`` and nothing of the agent's.
"""

import json
import re
import ssl
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from device_contract.assignment import PAYLOAD_TYPE, AssignedSlot, Assignment
from device_contract.canonical import canonical_json
from device_contract.codec import decode, encode
from device_contract.enrollment import EnrollmentRequest, EnrollmentResponse, EnrollmentToken, RenewalRequest
from device_contract.envelope import sign
from device_contract.feedback import Feedback
from device_contract.messages import Ack, AssignmentMessage, Birth, Report, Status
from device_contract.samples import Sample
from device_contract.topics import all_up, down, parse
from tests.edge_agent.tuf_repository import Repository
from tests.support.authority import Authority
from tests.support.mosquitto import start_mosquitto
from tests.support.ports import free_port, is_listening
from tests.support.waiting import wait_until

DEVICE = "pump-7"
SECRET = "s" * 43
TOKEN_ID = "0123456789abcdef"  # noqa: S105  (a test's)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fleet: "FleetSimulator"

    def do_GET(self) -> None:
        self.fleet.requests.append((self.path, self.headers.get("Range", "")))
        data = self.fleet.file(self.path)
        if data is None:
            self._answer(404, b"")
            return
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(match[1]) if match else 0
        extra = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if match else {}
        self._answer(206 if match else 200, data[start:], extra)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answers = {"/device/v1/enroll": self.fleet.enroll, "/device/v1/renew": self.fleet.renew}
        status, answer = answers[self.path](body)
        self._answer(status, answer)

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        limit = self.fleet.cut_after_bytes
        if limit is not None and "/targets/pump/" in self.path:
            self.wfile.write(body[:limit])
            self.close_connection = True
        else:
            self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A device that is killed breaks its connection."""


class FleetSimulator:
    """The server's side of one fleet with one device."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority(folder)
        self.repository = Repository()
        self.requests: list[tuple[str, str]] = []
        self.cut_after_bytes: int | None = None
        self.used_tokens: set[str] = set()
        self.first_certificate_end = datetime.now(UTC) + timedelta(days=1)
        self.renewals: list[RenewalRequest] = []
        self.refuses_renewals = False
        self.sequence = 0
        self.acknowledges = True
        self.births: list[Birth] = []
        self.statuses: list[Status] = []
        self.reports: list[Report] = []
        self.samples: list[Sample] = []
        self.feedback: list[Feedback] = []
        self.identity = self.authority.issue("fleet-server")
        self.mqtt_port = free_port()
        self.broker: subprocess.Popen[bytes] | None = None
        self._client: Client | None = None
        self._http = self._start_http()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._http.server_port}"

    @property
    def token(self) -> str:
        return str(EnrollmentToken(TOKEN_ID, SECRET, self.authority.sha256))

    def file(self, path: str) -> bytes | None:
        if path == f"/device/v1/ca/{TOKEN_ID}":
            return self.authority.pem
        return self.repository.files.get(path.removeprefix("/device/v1/repository/grant/"))

    def enroll(self, body: bytes) -> tuple[int, bytes]:
        request = msgspec.json.decode(body, type=EnrollmentRequest)
        if request.token in self.used_tokens or request.token != self.token:
            problem = {"title": "Unauthorized", "status": 401, "detail": "the token is expired or used"}
            return 401, msgspec.json.encode(problem)
        self.used_tokens.add(request.token)
        return 201, self._identity(request.csr_pem, self.first_certificate_end)

    def renew(self, body: bytes) -> tuple[int, bytes]:
        request = msgspec.json.decode(body, type=RenewalRequest)
        csr = x509.load_pem_x509_csr(request.csr_pem.encode())
        key = x509.load_pem_x509_certificate(request.certificate_pem.encode()).public_key()
        key.verify(request.signature, csr.public_bytes(Encoding.DER), ec.ECDSA(hashes.SHA256()))
        self.renewals.append(request)
        if self.refuses_renewals:
            return 503, b"not now"
        return 200, self._identity(request.csr_pem, datetime.now(UTC) + timedelta(days=90))

    def _identity(self, csr_pem: str, end: datetime) -> bytes:
        csr = x509.load_pem_x509_csr(csr_pem.encode())
        response = EnrollmentResponse(
            device_id=DEVICE,
            certificate_pem=self.authority.certify(DEVICE, csr.public_key(), end).decode(),
            ca_pem=self.authority.pem.decode(),
            tuf_root=self.repository.root.decode(),
            mqtt_host="127.0.0.1",
            mqtt_port=self.mqtt_port,
        )
        return msgspec.json.encode(response)

    def start_broker(self) -> None:
        """Start mosquitto with mutual TLS, and the server's client."""
        config = self.folder / "mosquitto.conf"
        config.write_text(
            f"user root\nallow_anonymous true\nlistener {self.mqtt_port} 127.0.0.1\n"
            f"cafile {self.identity.ca}\ncertfile {self.identity.certificate}\nkeyfile {self.identity.key}\n"
            "require_certificate true\nuse_identity_as_username true\nmax_queued_messages 1000000\n"
        )
        self.broker = start_mosquitto(config, self.mqtt_port)
        self._client = self._start_client(MQTTProtocolVersion.MQTTv5)

    def start_amqtt(self) -> None:
        """Start amqtt instead, which answers an MQTT 5 CONNECT with a refusal."""
        listener = {
            "type": "tcp",
            "bind": f"127.0.0.1:{self.mqtt_port}",
            "ssl": True,
            "cafile": str(self.identity.ca),
            "certfile": str(self.identity.certificate),
            "keyfile": str(self.identity.key),
        }
        program = (
            "import asyncio, json, sys\nfrom amqtt.broker import Broker\n"
            "async def main():\n"
            " plugins = {'amqtt.plugins.authentication.AnonymousAuthPlugin': {'allow_anonymous': True}}\n"
            " await Broker({'listeners': {'default': json.loads(sys.argv[1])}, 'plugins': plugins}).start()\n"
            " await asyncio.Event().wait()\n"
            "asyncio.run(main())\n"
        )
        command = [sys.executable, "-c", program, json.dumps(listener)]
        self.broker = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        wait_until(lambda: is_listening(self.mqtt_port), "amqtt listens")
        self._client = self._start_client(MQTTProtocolVersion.MQTTv311)

    def stop_broker(self) -> None:
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()
            self._client = None
        if self.broker is not None:
            self.broker.terminate()
            self.broker.wait()
            self.broker = None

    def close(self) -> None:
        self.stop_broker()
        self._http.shutdown()
        self._http.server_close()

    def assignment(self, *slots: AssignedSlot, action_id: str, **changes: Any) -> bytes:
        """Return the next signed assignment to the device, as it goes over MQTT."""
        self.sequence += 1
        now_ms = int(time.time() * 1000)
        key = changes.pop("key", self.repository.director)
        fields: dict[str, Any] = {
            "device_id": DEVICE,
            "sequence": self.sequence,
            "action_id": action_id,
            "issued_ms": now_ms,
            "expires_ms": now_ms + 86_400_000,
            "slots": slots,
        }
        assignment = Assignment(**(fields | changes))
        envelope = sign(PAYLOAD_TYPE, canonical_json(assignment), [key])
        return encode(AssignmentMessage(envelope=envelope, repository_url=f"{self.url}/device/v1/repository/grant"))

    def assign(self, *slots: AssignedSlot, action_id: str, **changes: Any) -> None:
        self.publish(down(DEVICE, "assignment"), self.assignment(*slots, action_id=action_id, **changes), retain=True)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        assert self._client is not None
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(timeout=120)

    def wait_for_status(self, what: str, **fields: Any) -> Status:
        """Return the first status, from now on or the last, with these fields."""

        def found() -> Status | None:
            status = self.statuses[-1] if self.statuses else None
            matches = status is not None and all(getattr(status, name) == value for name, value in fields.items())
            return status if matches else None

        try:
            status: Status = wait_until(found, what)
        except AssertionError as error:
            raise AssertionError(f"{error}; the last status is {self.statuses[-1:]}") from None
        return status

    def _start_client(self, version: MQTTProtocolVersion) -> Client:
        client = Client(CallbackAPIVersion.VERSION2, client_id="fleet-server", protocol=version)
        context = ssl.create_default_context(cafile=self.identity.ca)
        context.load_cert_chain(self.identity.certificate, self.identity.key)
        client.tls_set_context(context)
        subscribed = threading.Event()
        client.on_subscribe = lambda *_: subscribed.set()
        client.on_message = self._on_message
        client.connect("127.0.0.1", self.mqtt_port)
        client.loop_start()
        client.subscribe([(all_up(kind), 1) for kind in ("birth", "status", "report", "sample", "feedback")])
        assert subscribed.wait(10)
        return client

    def _on_message(self, client: Client, _userdata: object, message: Any) -> None:
        kind = parse(message.topic).kind
        if kind == "birth":
            self.births.append(decode(message.payload, Birth))
        elif kind == "status":
            self.statuses.append(decode(message.payload, Status))
        elif self.acknowledges:
            numbered = self._keep(kind, message.payload)
            ack = Ack(boot_id=numbered.boot_id, sequences=(numbered.sequence,))
            client.publish(down(DEVICE, "ack"), encode(ack), qos=1)

    def _keep(self, kind: str, payload: bytes) -> Report | Sample | Feedback:
        if kind == "report":
            self.reports.append(decode(payload, Report))
            return self.reports[-1]
        if kind == "sample":
            self.samples.append(decode(payload, Sample))
            return self.samples[-1]
        self.feedback.append(decode(payload, Feedback))
        return self.feedback[-1]

    def _start_http(self) -> _Server:
        handler = type("Handler", (_Handler,), {"fleet": self})
        server = _Server(("127.0.0.1", 0), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.identity.certificate, self.identity.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server
