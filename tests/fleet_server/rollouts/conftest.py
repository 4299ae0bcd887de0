"""A fleet whose devices answer as a test tells them, around the real services and a real database."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlmodel import Session

from device_contract import topics
from device_contract.assignment import (
    PAYLOAD_TYPE,
    AssignedSlot,
    Assignment,
    SamplingPolicy,
    decode_assignment,
    target_path,
)
from device_contract.codec import decode
from device_contract.envelope import verify
from device_contract.messages import AssignmentMessage, SlotState
from fleet_server.audit.service import AuditService
from fleet_server.broker.ingest import Inbound, Outbound
from fleet_server.bundles.service import BundleService
from fleet_server.bundles.store import BundleStore
from fleet_server.bundles.tables import BaselineRow, BundleRow, ModelRow
from fleet_server.db import Database
from fleet_server.devices.service import DeviceService
from fleet_server.devices.tables import DeviceLabelRow, DeviceRow
from fleet_server.rollouts.assignments import Assignments
from fleet_server.rollouts.membership import WaveRule
from fleet_server.rollouts.policy import Thresholds
from fleet_server.rollouts.service import RolloutService
from fleet_server.rollouts.spec import DeploymentSpec, RolloutAlert
from fleet_server.settings import DataFolder
from fleet_server.trust.certificates import Certificates, create_authority
from fleet_server.trust.director import Director
from fleet_server.trust.grants import DownloadGrants
from fleet_server.trust.repository import Repository, create_repository
from tests.support.messages import make_birth, make_status

LIFE_S = 1000
HALF_LIFE_S = LIFE_S // 2


class FleetOfTests:
    """The services, and what they have published."""

    def __init__(self, database: Database, folder: DataFolder, clock: Any) -> None:
        self.database, self.clock = database, clock
        self.key = Ed25519PrivateKey.generate()
        director = Director(self.key)
        create_authority(folder, clock)
        create_repository(folder, clock, director.keys())
        self.audit = AuditService(database, clock)
        self.devices = DeviceService(database, Certificates(folder, clock, device_life_s=3600), self.audit, clock)
        bundles = BundleService(database, BundleStore(folder.bundles), Repository(folder, clock), self.audit, clock)
        grants = DownloadGrants(bytes(32), "https://fleet:8443", clock, life_s=LIFE_S)
        self.sampling: SamplingPolicy | None = None
        self.published: list[Outbound] = []
        self.alerts: list[RolloutAlert] = []
        self.is_alert_room_out_of_order = self.is_broker_out_of_order = False
        self.rollouts = RolloutService(
            database,
            self.devices,
            bundles,
            assignments=Assignments(director, grants, clock, life_s=LIFE_S, sampling=self._allowed),
            audit=self.audit,
            clock=clock,
            publish=self._publish,
            alert=self._raise_alert,
        )

    def _raise_alert(self, _session: Session, alert: RolloutAlert) -> None:
        if self.is_alert_room_out_of_order:
            raise RuntimeError("no alert can be raised")
        self.alerts.append(alert)

    def _allowed(self, _session: Session, device_ids: Collection[str]) -> dict[str, SamplingPolicy | None]:
        return dict.fromkeys(device_ids, self.sampling)

    def _publish(self, message: Outbound) -> None:
        if self.is_broker_out_of_order:
            raise RuntimeError("nothing can be published")
        self.published.append(message)

    def add_devices(self, *device_ids: str, profile: str = "raspberry-pi-4", **labels: str) -> None:
        with self.database.session() as session:
            for device_id in device_ids:
                session.add(
                    DeviceRow(
                        device_id=device_id, state="active", profile=profile, enrolled_ms=0, certificate_expires_ms=0
                    )
                )
                session.flush()
                session.add_all(
                    DeviceLabelRow(device_id=device_id, key=key, value=value) for key, value in labels.items()
                )

    def publish_version(self, version: str, *profiles: str | None) -> None:
        with self.database.session() as session:
            if session.get(ModelRow, "power") is None:
                session.add(ModelRow(name="power", public_keys=[], threshold=1, created_ms=0))
                session.add(BaselineRow(sha256="b" * 64, data=b""))
                session.flush()
            session.add_all(_bundle(version, profile) for profile in profiles or (None,))

    def deploy(self, version: str, *percents: float, deployment_id: str | None = None, **thresholds: float) -> str:
        rules = tuple(WaveRule(percent) for percent in percents or (100,))
        spec = DeploymentSpec("power", version, waves=rules, thresholds=Thresholds(**thresholds))
        deployment_id, _ = self.rollouts.create("operator", spec, deployment_id or f"d{version}")
        self.rollouts.step()
        return deployment_id

    def assignment(self, device_id: str) -> Assignment:
        """Return what the device was told last, verified as the device would."""
        topic = topics.down(device_id, "assignment")
        payload = next(message.payload for message in reversed(self.published) if message.topic == topic)
        envelope = decode(payload, AssignmentMessage).envelope
        return decode_assignment(verify(envelope, PAYLOAD_TYPE, [self.key.public_key()]))

    def told(self) -> list[str]:
        """Return the devices that were sent something since the last call."""
        devices = [topics.parse(message.topic).device_id for message in self.published]
        self.seen = [*getattr(self, "seen", []), *self.published]
        self.published.clear()
        return devices

    def says(self, device_id: str, phase: Any, *, action_id: str | None = None, detail: str = "") -> None:
        """Let the device report a phase of what it was told last, and the slots that go with it."""
        self.published[:0] = getattr(self, "seen", [])
        self.seen = []
        assignment = self.assignment(device_id)
        slots = tuple(map(_held, assignment.slots)) if phase == "succeeded" else ()
        status = make_status(
            device_id,
            time_ms=self.clock(),
            action_id=assignment.action_id if action_id is None else action_id,
            assignment_sequence=assignment.sequence,
            phase=phase,
            reason_code=phase if detail else "",
            detail=detail,
            slots=slots,
        )
        with self.database.session() as session:
            assert self.rollouts.record_statuses(session, [Inbound(device_id, status)]) == []

    def greets(self, device_id: str, *, online: bool = True) -> list[Outbound]:
        birth = make_birth(device_id, online=online, profile="raspberry-pi-4")
        with self.database.session() as session:
            return self.rollouts.record_births(session, [Inbound(device_id, birth)])

    def state(self, deployment_id: str) -> str:
        self.rollouts.step()
        return self.rollouts.get(deployment_id).row.state

    def waves(self, deployment_id: str) -> list[str]:
        self.rollouts.step()
        return [wave.row.state for wave in self.rollouts.get(deployment_id).waves]

    def actions(self, deployment_id: str) -> dict[str, str]:
        self.rollouts.step()
        found = self.rollouts.actions(deployment_id, limit=500)
        return {action.id.removeprefix(f"{deployment_id}."): action.state for action in found}


def _bundle(version: str, profile: str | None) -> BundleRow:
    return BundleRow(
        sha256=_digest(version, profile),
        model="power",
        version=version,
        profile=profile,
        target_path=target_path("power", version, profile),
        size_bytes=100,
        release_counter=1,
        baseline_sha256="b" * 64,
        manifest=b"",
        signature=b"",
        published_ms=0,
        published_by="ci",
    )


def _digest(version: str, profile: str | None) -> str:
    return f"{version}{profile or ''}".encode().hex().ljust(64, "0")


def _held(slot: AssignedSlot) -> SlotState:
    return SlotState(slot=slot.slot, model=slot.model, version=slot.version, bundle_sha256=slot.sha256)


@pytest.fixture
def fleet(database: Database, tmp_path: Path, clock: Callable[[], int]) -> FleetOfTests:
    return FleetOfTests(database, DataFolder(tmp_path / "data"), clock)
