"""The alert room on a whole server, and an address that takes deliveries."""

import datetime as dt
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from fleet_server.alerts.deployment_signals import DeploymentAlert
from fleet_server.alerts.evaluation import Evaluation
from fleet_server.alerts.language import Rule
from fleet_server.alerts.readings import Reading
from fleet_server.alerts.routing.delivery import Delivery
from fleet_server.alerts.routing.webhook import WebhookChannel
from fleet_server.app import FleetServer
from fleet_server.drift.tables import VerdictChangeRow
from fleet_server.settings import DataFolder, read_settings
from tests.fleet_server.conftest import AppClient, ManualClock
from tests.fleet_server.releases import Ci


@dataclass
class Receiver:
    """A real HTTP server that remembers what was posted to it."""

    status: int = 200
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append((dict(self.headers), body))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook"

    @property
    def told(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(body) for _, body in self.received]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def publish(http: AppClient, clock: ManualClock, model: str) -> None:
    """Publish a version of a new model, whose feature is wind and whose output is power."""
    ci = Ci(model, dt.datetime.fromtimestamp(clock() // 1000, dt.UTC))
    http.post("/api/v1/models", json={"name": model, "public_keys": [ci.public_key]})
    answer = http.post(f"/api/v1/models/{model}/versions", files=ci.release("1").files())
    assert answer.status_code == 201, answer.text


class Room:
    """A server, made anew by ``restart`` as after a crash."""

    def __init__(self, folder: DataFolder, clock: ManualClock) -> None:
        self.folder, self.clock = folder, clock
        self.server = self._start()

    def _start(self) -> FleetServer:
        settings = msgspec.structs.replace(read_settings(self.folder), internal_webhooks=True)
        server = FleetServer(self.folder, settings, self.clock)
        self.database, self.alerts = server.rooms.database, server.rooms.alerts.service
        self.receivers, self.rules, self.desk = (
            server.rooms.alerts.receivers,
            server.rooms.alerts.rules,
            server.rooms.alerts.desk,
        )
        channels = {"webhook": WebhookChannel(allow_internal=True, timeout_s=2.0)}
        self.delivery = Delivery(self.database, self.clock, channels, registry=CollectorRegistry())
        return server

    def restart(self) -> None:
        self.server.close()
        self.server = self._start()

    def put(self, **fields: Any) -> None:
        """Write a rule."""
        self.rules.put("ann", [Rule(**fields)])

    def tell_of(self, alert: DeploymentAlert) -> None:
        """Tell of a deployment as a rollout does."""
        with self.database.session() as session:
            self.alerts.raise_alert(session, alert)

    def read(self, *readings: Reading) -> None:
        """Take readings in, and tell of what follows."""
        with self.database.session() as session:
            Evaluation(session, self.clock()).take(readings)
        self.alerts.step()

    def change(
        self,
        verdict: str,
        *,
        kind: str = "peers",
        severity: float = 1.5,
        device_id: str = "a",
        features: tuple[str, ...] = ("temperature",),
    ) -> None:
        """Write a change of a verdict as the drift room does; of the kind ``fleet``, ``device_id`` names the group."""
        with self.database.session() as session:
            session.add(
                VerdictChangeRow(
                    device_id="" if kind == "fleet" else device_id,
                    model="power",
                    kind=kind,
                    group=device_id if kind == "fleet" else "",
                    version="1",
                    verdict_before="",
                    verdict=verdict,
                    features=list(features) if verdict == "drift" else [],
                    outputs=[],
                    severity=severity,
                    since_ms=0,
                    changed_ms=self.clock(),
                    evidence={},
                    sentence=f"{device_id} is {verdict}.",
                )
            )


@pytest.fixture
def room(folder: DataFolder, clock: ManualClock) -> Iterator[Room]:
    made = Room(folder, clock)
    yield made
    made.server.close()


@pytest.fixture
def api(room: Room) -> AppClient:
    """A client of the server's routes, as an administrator."""
    return AppClient(room.server.app, room.folder.admin_token.read_text().strip())
