"""What people did and were told long ago is forgotten, but for what is open or speaks of it, on both databases."""

from typing import Any

import pytest
from sqlmodel import SQLModel, select

from fleet_server.alerts.tables import AlertRow, IncidentRow, SilenceRow
from fleet_server.app import FleetServer
from fleet_server.audit.tables import AuditRow
from fleet_server.bundles.tables import ModelRow
from fleet_server.devices.tables import DeviceRow
from fleet_server.pruning import BATCH
from fleet_server.retraining.tables import RetrainingCauseRow, RetrainingRow
from fleet_server.rollouts.states import ActionState, DeploymentState
from fleet_server.rollouts.tables import ActionRow, AssignmentRow, DeploymentRow, WaveRow
from tests.fleet_server.conftest import ManualClock

DAY_S = 86_400
YEARS_S = 6 * 366 * DAY_S


@pytest.fixture
def store(server: FleetServer, clock: ManualClock) -> "Store":
    return Store(server, clock)


class Store:
    """Writes what a server did, and lets it forget."""

    def __init__(self, server: FleetServer, clock: ManualClock) -> None:
        self.server, self.clock = server, clock
        self.database = server.rooms.database

    def add(self, *rows: SQLModel) -> None:
        with self.database.session() as session:
            for row in rows:
                session.add(row)
                session.flush()

    def incident(self, incident_id: str, *, alerts: int = 1, deployment_id: str | None = None, **fields: Any) -> None:
        now_ms = self.clock()
        told: dict[str, Any] = {"severity": "warning", "rule": "own", "kind": "own", "features": [], "sentence": ""}
        told |= {"opened_ms": now_ms, "state": "closed", "closed_ms": now_ms, "deployment_id": deployment_id}
        own: dict[str, Any] = {"devices": 1, "first_sentence": "", "owner": "", "receivers": [], "untold": False}
        self.add(IncidentRow(incident_id=incident_id, joined_ms=now_ms, **told | own | fields))
        told["state"] = fields.get("state", "closed")
        with self.database.session() as session:
            session.add_all(
                AlertRow(
                    alert_id=f"{incident_id}.{n}",
                    incident_id=incident_id,
                    subject=f"{n}",
                    signal="",
                    evidence={},
                    **told,
                )
                for n in range(alerts)
            )

    def deployment(self, deployment_id: str, state: str, action: str, devices: int = 1) -> None:
        asked: dict[str, Any] = {"model": "power", "version": "1", "request": {}, "created_by": "ann"}
        now_ms = self.clock()
        self.add(
            DeploymentRow(id=deployment_id, state=state, created_ms=now_ms, changed_ms=now_ms, **asked),
            WaveRow(deployment_id=deployment_id, number=1),
        )
        with self.database.session() as session:
            session.add_all(
                ActionRow(
                    id=f"{deployment_id}.{n}", deployment_id=deployment_id, wave=1, device_id=f"{n}", state=action
                )
                for n in range(devices)
            )

    def kept(self, column: Any) -> set[str]:
        with self.database.reading() as session:
            return set(session.exec(select(column)))

    def forget(self, step: str) -> None:
        self.server._steps()[step]()


def test_closed_incidents_go_with_their_alerts_and_with_what_they_asked_for(store: Store) -> None:
    for incident_id in ("open", "many", "asked"):
        store.incident(incident_id, state="open" if incident_id == "open" else "closed")
    store.incident("merged", merged_into="open")
    store.incident("untold", untold=True)
    store.incident("crowd", alerts=2 * BATCH + 1)
    store.deployment("paused", DeploymentState.PAUSED, ActionState.SUCCEEDED)
    store.incident("pause", deployment_id="paused")
    request: dict[str, Any] = {"model": "power", "reason": "", "opened_by": "", "changed_by": "", "evidence": {}}
    request |= dict.fromkeys(("opened_ms", "changed_ms", "since_ms"), 0)
    store.add(ModelRow(name="power", public_keys=[], threshold=1, created_ms=0))
    for request_id, state in (("live", "accepted"), ("done", "answered")):
        store.add(RetrainingRow(request_id=request_id, state=state, **request))
    store.add(RetrainingCauseRow(incident_id="asked", request_id="live"))
    store.add(RetrainingCauseRow(incident_id="many", request_id="done"))
    store.clock.advance(366 * DAY_S)
    store.incident("young")
    store.forget("incidents")
    stays = {"open", "asked", "merged", "untold", "pause", "young"}
    assert store.kept(IncidentRow.incident_id) == stays
    assert store.kept(AlertRow.incident_id) == stays
    assert store.kept(RetrainingCauseRow.incident_id) == {"asked"}


def test_silences_go_when_they_ended_long_ago(store: Store) -> None:
    silence: dict[str, Any] = {"matcher": {}, "reason": "", "created_by": "", "created_ms": 0}
    store.add(SilenceRow(silence_id="old", until_ms=store.clock(), **silence))
    store.clock.advance(366 * DAY_S)
    store.add(SilenceRow(silence_id="young", until_ms=store.clock() - 1, **silence))
    store.forget("incidents")
    assert store.kept(SilenceRow.silence_id) == {"young"}


def test_deployments_go_once_no_device_holds_what_they_assigned(store: Store) -> None:
    device: dict[str, Any] = {"profile": "", "enrolled_ms": 0, "certificate_expires_ms": 0}
    assigned: dict[str, Any] = {"sequence": 1, "slots": [], "envelope": b"", "expires_ms": 0, "due_ms": 2**50}
    held = {"held": "active", "gone": "revoked"}
    for deployment_id, state in held.items():
        store.deployment(deployment_id, DeploymentState.FINISHED, ActionState.SUCCEEDED)
        store.add(
            ActionRow(id=f"{state}.a", deployment_id=deployment_id, wave=1, device_id=state),
            DeviceRow(device_id=state, state=state, **device),
            AssignmentRow(device_id=state, action_id=f"{state}.a", issued_ms=0, **assigned),
        )
        with store.database.session() as session:
            session.get_one(ActionRow, f"{state}.a").state = ActionState.SUCCEEDED
    store.deployment("superseded", DeploymentState.FINISHED, ActionState.SUCCEEDED, devices=BATCH + 1)
    store.deployment("aborted", DeploymentState.ABORTED, ActionState.CANCELED)
    store.deployment("waiting", DeploymentState.ABORTED, ActionState.OFFERED)
    store.deployment("paused", DeploymentState.PAUSED, ActionState.FAILED)
    store.deployment("told", DeploymentState.ABORTED, ActionState.FAILED)
    store.incident("told", state="open", deployment_id="told")
    store.clock.advance(366 * DAY_S)
    store.deployment("young", DeploymentState.FINISHED, ActionState.SUCCEEDED)
    store.forget("deployments")
    stays = {"held", "waiting", "paused", "told", "young"}
    assert store.kept(DeploymentRow.id) == store.kept(ActionRow.deployment_id) == stays
    assert store.kept(WaveRow.deployment_id) == stays


def test_the_audit_log_stays_for_years_and_longer_about_what_is_open(store: Store) -> None:
    store.deployment("paused", DeploymentState.PAUSED, ActionState.FAILED)
    store.incident("open", state="open")
    line: dict[str, Any] = {"actor": "ann", "action": "x", "detail": {}, "time_ms": store.clock()}
    store.add(*(AuditRow(subject=subject, **line) for subject in ("paused", "open", "open.0", "done")))
    with store.database.session() as session:
        session.add_all(AuditRow(subject="device", **line) for _ in range(2 * BATCH))
    store.clock.advance(366 * DAY_S)
    store.forget("audit")
    assert "done" in store.kept(AuditRow.subject)
    store.clock.advance(YEARS_S)
    store.forget("audit")
    assert store.kept(AuditRow.subject) == {"paused", "open", "open.0", "device"}  # one: the ordinals go on from it
    store.add(AuditRow(subject="young", **line | {"time_ms": store.clock()}))
    store.clock.advance(3600)
    store.forget("audit")
    assert store.kept(AuditRow.subject) == {"paused", "open", "open.0", "young"}
