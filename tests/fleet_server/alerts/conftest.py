"""The alert room on a whole server, and an address that takes deliveries."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from fleet_server import web
from fleet_server.alerts import routes as alert_routes
from fleet_server.alerts.delivery import Delivery
from fleet_server.alerts.service import AlertService
from fleet_server.alerts.webhooks import WebhookService
from fleet_server.app import FleetServer
from fleet_server.drift import routes as drift_routes
from fleet_server.drift.service import DriftService
from fleet_server.settings import DataFolder
from fleet_server.telemetry.service import TelemetryService
from tests.fleet_server.conftest import AppClient, ManualClock


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

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


class Room:
    """The services, made anew by ``restart`` as after a crash."""

    def __init__(self, server: FleetServer, clock: ManualClock) -> None:
        self.server, self.clock, self.database = server, clock, server._database
        self.restart()

    def restart(self) -> None:
        database, clock, audit = self.database, self.clock, self.server._audit
        telemetry = TelemetryService(database, self.server._bundles, clock, registry=CollectorRegistry())
        self.drift = DriftService(database, telemetry, self.server._bundles, clock)
        self.webhooks = WebhookService(database, audit, clock)
        self.alerts = AlertService(database, self.drift, self.webhooks, audit, clock)
        self.delivery = Delivery(database, clock, timeout_s=2.0)


@pytest.fixture
def room(server: FleetServer, clock: ManualClock) -> Room:
    return Room(server, clock)


@pytest.fixture
def api(room: Room, folder: DataFolder) -> AppClient:
    """A client of the room's routes, as an administrator."""
    app = FastAPI()
    web.install(app)
    app.include_router(alert_routes.router(room.alerts, room.webhooks, room.server._auth))
    app.include_router(drift_routes.router(room.drift, room.server._devices, room.server._auth))
    return AppClient(app, folder.admin_token.read_text().strip())
