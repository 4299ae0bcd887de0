"""A server with a published version, one device, and what that device would send."""

import datetime as dt
from array import array
from dataclasses import dataclass
from typing import Any

import pytest

from device_contract.canonical import sha256_hex
from device_contract.codec import decode
from device_contract.messages import Ack
from device_contract.samples import Sample, SampledRow
from fleet_server.app import FleetServer
from fleet_server.broker.ingest import Inbound
from tests.edge_agent.bundles import make_bundle
from tests.fleet_server.conftest import AppClient, ManualClock
from tests.fleet_server.enrolling import enroll
from tests.fleet_server.releases import Ci
from tests.support.messages import BOOT_ID

HOUR_MS = 3_600_000


def sampled(row: int, left: float = 1.0, right: float = 2.0, *, contributions: bytes = b"") -> SampledRow:
    values, outputs = array("f", (left, right)).tobytes(), array("d", (left + right,)).tobytes()
    return SampledRow(row=row, time_ms=1000 * row, values=values, outputs=outputs, contributions=contributions)


@dataclass
class Site:
    """The server and its one device, ``pump-7`` at the site ``north``."""

    server: FleetServer
    http: AppClient
    bundle_sha256: str

    def allow(self, name: str = "north", **changed: Any) -> None:
        body = {"labels": {"site": "north"}, "rows_per_window": 10} | changed
        answer = self.http.request("PUT", f"/api/v1/sampling-policies/{name}", json=body)
        assert answer.status_code == 200, answer.text

    def sample(self, sequence: int, *rows: SampledRow, **changed: Any) -> Sample:
        fields: dict[str, Any] = {
            "device_id": "pump-7",
            "boot_id": BOOT_ID,
            "sequence": sequence,
            "slot": "champion",
            "model": "pump",
            "version": "1.0",
            "bundle_sha256": self.bundle_sha256,
            "window_start_ms": 0,
            "window_end_ms": HOUR_MS,
            "rows_seen": 100,
            "redacted": (),
            "rows": rows,
        }
        return Sample(**(fields | changed))

    def send(self, *samples: Sample) -> list[int]:
        """Let the server take samples; return the sequences that it acknowledges."""
        inbound = [Inbound(sample.device_id, sample) for sample in samples]
        with self.server.rooms.database.session() as session:
            outbound = self.server.rooms.samples.ingest_samples(session, inbound)
        return [sequence for message in outbound for sequence in decode(message.payload, Ack).sequences]

    def stored(self, **query: Any) -> list[dict[str, Any]]:
        answer = self.http.get("/api/v1/models/pump/versions/1.0/samples", params=query)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


@pytest.fixture
def site(server: FleetServer, http: AppClient, clock: ManualClock) -> Site:
    ci = Ci("pump", dt.datetime.fromtimestamp(clock() // 1000, dt.UTC))
    assert http.post("/api/v1/models", json={"name": "pump", "public_keys": [ci.public_key]}).status_code == 201
    data = make_bundle("1.0")
    answer = http.post("/api/v1/models/pump/versions", files=ci.release("1.0", data=data).files())
    assert answer.status_code == 201, answer.text
    enroll(http, "pump-7", labels={"site": "north"})
    return Site(server, http, sha256_hex(data))
