"""What the server knows of its devices, and what may be done with them."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select
from sqlmodel import Session, col, select

from device_contract.enrollment import EnrollmentRequest, EnrollmentToken, RenewalRequest
from device_contract.messages import Birth, Status
from fleet_server.audit.service import AuditService
from fleet_server.broker.ingest import Inbound, Outbound
from fleet_server.clock import Clock
from fleet_server.db import Database, existing
from fleet_server.devices.enrollment import (
    EnrollmentService,
    replace_labels,
    revoke_certificates,
    revoked_certificates,
)
from fleet_server.devices.labels import check_labels
from fleet_server.devices.renewal import RenewalService
from fleet_server.devices.tables import DeviceCertificateRow, DeviceLabelRow, DeviceRow
from fleet_server.trust.certificates import Certificates, IssuedCertificate

_logger = logging.getLogger(__name__)

_ACTIVE_CACHE_MS = 2000


@dataclass(frozen=True)
class Device:
    """A device with its labels."""

    row: DeviceRow
    labels: dict[str, str]


@dataclass(frozen=True)
class ActiveDevice:
    """What a deployment chooses a device by."""

    device_id: str
    profile: str
    labels: dict[str, str]


class DeviceService:
    """The registry of devices.

    Args:
        database: Where the registry is kept.
        certificates: Issues and revokes identities.
        audit: Is told of every change.
        clock: Gives the present.
    """

    def __init__(self, database: Database, certificates: Certificates, audit: AuditService, clock: Clock) -> None:
        self._database = database
        self._certificates = certificates
        self._audit = audit
        self._clock = clock
        self._enrollment = EnrollmentService(database, certificates, audit, clock)
        self._renewal = RenewalService(database, certificates, audit, clock)
        self._on_cut: list[Callable[[str], None]] = []
        self._on_labelled: list[Callable[[str], None]] = []
        self._active: frozenset[str] = frozenset()
        self._active_until_ms = 0

    def on_cut(self, callback: Callable[[str], None]) -> None:
        """Call back with a device's id whenever its live connection must end."""
        self._on_cut.append(callback)

    def on_labelled(self, callback: Callable[[str], None]) -> None:
        """Call back with a device's id whenever its labels may have changed; called after the commit."""
        self._on_labelled.append(callback)

    def create_enrollment_token(
        self, actor: str, device_id: str, labels: Mapping[str, str], valid_s: int
    ) -> tuple[EnrollmentToken, int]:
        """Make a one-time token; see ``EnrollmentService.create_token``."""
        return self._enrollment.create_token(actor, device_id, labels, valid_s)

    def ca_for_token(self, token_id: str) -> str:
        """Return the CA's certificate (PEM) to the holder of a live token; see ``EnrollmentService``."""
        return self._enrollment.ca_for_token(token_id)

    def enroll(self, request: EnrollmentRequest) -> tuple[str, IssuedCertificate]:
        """Redeem a token; see ``EnrollmentService.enroll``. A connection with the old certificate ends."""
        device_id, certificate = self._enrollment.enroll(request)
        self._cut(device_id)
        self._tell_labelled(device_id)
        return device_id, certificate

    def renew(self, request: RenewalRequest) -> tuple[str, IssuedCertificate]:
        """Give a device its next certificate; see ``RenewalService.renew``."""
        return self._renewal.renew(request)

    def get(self, device_id: str) -> Device:
        """Return a device.

        Raises:
            NotFoundError: There is no such device.
        """
        with self._database.reading() as session:
            return Device(
                existing(session, DeviceRow, device_id, "device"), labels_of(session, [device_id]).get(device_id, {})
            )

    def search(
        self, labels: Mapping[str, str], *, limit: int | None = None, after: str | None = None
    ) -> Sequence[Device]:
        """Return the devices that carry all these labels, in order of id, those after ``after`` if given."""
        query = select(DeviceRow).order_by(col(DeviceRow.device_id)).where(col(DeviceRow.device_id) > (after or ""))
        chosen = query.where(*_carrying(labels)).limit(limit)
        with self._database.reading() as session:
            rows = session.exec(chosen).all()
            # by the query: a fleet has more devices than a query has parameters
            found = labels_of(session, chosen.with_only_columns(col(DeviceRow.device_id)))
        return [Device(row, found.get(row.device_id, {})) for row in rows]

    def profiles(self, device_ids: Collection[str]) -> dict[str, str]:
        """Return the firmware profile of each of these devices that is active."""
        is_active = DeviceRow.state == "active"
        query = select(DeviceRow.device_id, DeviceRow.profile).where(
            is_active, col(DeviceRow.device_id).in_(device_ids)
        )
        with self._database.reading() as session:
            return dict(session.exec(query).all())

    def label_values(self, key: str) -> dict[str, str]:
        """Return the value of a label on each device that carries it."""
        query = select(DeviceLabelRow.device_id, DeviceLabelRow.value).where(DeviceLabelRow.key == key)
        with self._database.reading() as session:
            return dict(session.exec(query).all())

    def find(self, labels: Mapping[str, str]) -> Sequence[ActiveDevice]:
        """Return the active devices that carry all these labels, in order of id; no labels means every one."""
        wanted = [col(DeviceRow.state) == "active", *_carrying(labels)]
        query = select(DeviceRow.device_id, DeviceRow.profile).where(*wanted).order_by(col(DeviceRow.device_id))
        with self._database.reading() as session:
            rows = session.exec(query).all()
            found = labels_of(session, select(DeviceRow.device_id).where(*wanted))
        return [ActiveDevice(device_id, profile, found.get(device_id, {})) for device_id, profile in rows]

    def set_labels(self, actor: str, device_id: str, labels: Mapping[str, str]) -> Device:
        """Give a device exactly these labels.

        Raises:
            NotFoundError: There is no such device.
            InvalidRequestError: A label is not allowed.
        """
        checked = check_labels(labels)
        with self._database.session() as session:
            row = existing(session, DeviceRow, device_id, "device")
            replace_labels(session, device_id, checked)
            self._audit.record(session, actor, "device.label", device_id, labels=checked)
        self._tell_labelled(device_id)
        return Device(row, checked)

    def revoke(self, actor: str, device_id: str) -> Device:
        """End a device's identity: certificates revoked, connection cut; a new token brings it back.

        Raises:
            NotFoundError: There is no such device.
        """
        now_ms = self._clock()
        with self._certificates.revoking, self._database.session() as session:
            row = existing(session, DeviceRow, device_id, "device")
            if row.state != "revoked":
                row.state, row.online = "revoked", False
                revoke_certificates(session, device_id, now_ms)
                self._audit.record(session, actor, "device.revoke", device_id)
            session.flush()
            self._certificates.write_revocation_list(revoked_certificates(session, now_ms))
            labels = labels_of(session, [device_id]).get(device_id, {})
        self._cut(device_id)
        return Device(row, labels)

    def is_active(self, device_id: str) -> bool:
        """Tell whether a device may connect and speak; asked for each message, so remembered for two seconds."""
        now_ms = self._clock()
        if not self._active_until_ms - _ACTIVE_CACHE_MS <= now_ms < self._active_until_ms:
            with self._database.reading() as session:
                self._active = frozenset(session.exec(select(DeviceRow.device_id).where(DeviceRow.state == "active")))
            self._active_until_ms = now_ms + _ACTIVE_CACHE_MS
        return device_id in self._active

    def holds_certificate(self, device_id: str, serial: int) -> bool:
        """Tell whether a certificate is the device's own and not revoked."""
        with self._database.reading() as session:
            row = session.get(DeviceCertificateRow, f"{serial:x}")
        return row is not None and row.device_id == device_id and row.revoked_ms is None

    def record_births(self, session: Session, inbound: Iterable[Inbound]) -> list[Outbound]:
        """Store greetings and last wills; the handler for ``birth``."""
        for message in inbound:
            row = session.get(DeviceRow, message.device_id)
            if row is not None and isinstance(message.message, Birth):
                _record_birth(row, message.message, self._clock())
        return []

    def record_status(self, session: Session, status: Status) -> None:
        """Store what a device says of its state; an unknown device is ignored."""
        row = session.get(DeviceRow, status.device_id)
        if row is None:
            return
        row.last_seen_ms = self._clock()
        row.phase, row.reason_code, row.detail = status.phase, status.reason_code, status.detail
        row.action_id = status.action_id
        row.slots = [
            {"slot": slot.slot, "model": slot.model, "version": slot.version, "bundle_sha256": slot.bundle_sha256}
            for slot in status.slots
        ]
        row.rows_scored, row.outbox_reports = status.rows_scored, status.outbox_reports
        row.counters = dict(status.counters)

    def _tell_labelled(self, device_id: str) -> None:
        for callback in self._on_labelled:
            callback(device_id)

    def _cut(self, device_id: str) -> None:
        self._active_until_ms = 0
        for callback in self._on_cut:
            try:
                callback(device_id)
            except Exception:
                # The device is out already: the broker asks `is_active` at the next connection.
                _logger.exception("the live connection of %s could not be cut", device_id)


def _record_birth(row: DeviceRow, birth: Birth, now_ms: int) -> None:
    # The last will of an earlier boot may come after the birth of the next one.
    if not birth.online and birth.boot_id != row.boot_id:
        return
    row.online, row.boot_id = birth.online, birth.boot_id
    row.agent_version, row.profile, row.processor = birth.agent_version, birth.profile, birth.processor
    row.last_seen_ms = now_ms


def labels_of(session: Session, device_ids: Collection[str] | Select[Any]) -> dict[str, dict[str, str]]:
    """Return the labels of some devices, within a transaction; a device without any is missing."""
    labels: dict[str, dict[str, str]] = {}
    columns = select(DeviceLabelRow.device_id, DeviceLabelRow.key, DeviceLabelRow.value)
    query = columns.where(col(DeviceLabelRow.device_id).in_(device_ids))
    for device_id, key, value in session.exec(query.order_by(col(DeviceLabelRow.key))):
        labels.setdefault(device_id, {})[key] = value
    return labels


def _carrying(labels: Mapping[str, str]) -> list[ColumnElement[bool]]:
    """Return the conditions of the devices that carry all these labels."""
    return [
        col(DeviceRow.device_id).in_(
            select(DeviceLabelRow.device_id).where(DeviceLabelRow.key == key, DeviceLabelRow.value == value)
        )
        for key, value in labels.items()
    ]
