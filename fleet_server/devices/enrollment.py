"""Enrolment: a one-time token turns a device's key into an identity of the fleet."""

import secrets
from collections.abc import Mapping

from sqlmodel import Session, col, select, update

from device_contract.canonical import sha256_hex
from device_contract.enrollment import EnrollmentRequest, EnrollmentToken, parse_token
from device_contract.errors import EnrollmentError
from device_contract.names import is_device_id
from fleet_server.audit.service import AuditService
from fleet_server.clock import Clock
from fleet_server.db import Database
from fleet_server.devices.labels import check_labels
from fleet_server.devices.tables import DeviceCertificateRow, DeviceLabelRow, DeviceRow, EnrollmentTokenRow
from fleet_server.errors import InvalidRequestError, NotFoundError, UnauthenticatedError
from fleet_server.trust.certificates import OPERATORS_NAME, SERVER_NAME, Certificates, IssuedCertificate

_REFUSAL = "the enrolment token is not known here; ask an operator for a new one"


class EnrollmentService:
    """Makes tokens and redeems them."""

    def __init__(self, database: Database, certificates: Certificates, audit: AuditService, clock: Clock) -> None:
        self._database = database
        self._certificates = certificates
        self._audit = audit
        self._clock = clock

    def create_token(
        self, actor: str, device_id: str, labels: Mapping[str, str], valid_s: int
    ) -> tuple[EnrollmentToken, int]:
        """Make a token for a device, new or known.

        Args:
            actor: For the audit log.
            device_id: The name that the device will have.
            labels: Labels that it will have; none keeps those of a known device.
            valid_s: Seconds until the token expires.

        Returns:
            The token, told this once, and its expiry in Unix milliseconds.

        Raises:
            InvalidRequestError: The id or a label is not allowed.
        """
        if not is_device_id(device_id) or device_id in {SERVER_NAME, OPERATORS_NAME}:
            raise InvalidRequestError(f"device id {device_id[:80]!r}: use letters, digits, _ and -, at most 64")
        checked, now_ms = check_labels(labels), self._clock()
        token = EnrollmentToken(secrets.token_hex(8), secrets.token_urlsafe(32), self._certificates.ca_sha256)
        row = EnrollmentTokenRow(
            token_id=token.token_id,
            secret_sha256=sha256_hex(token.secret.encode()),
            device_id=device_id,
            labels=checked,
            created_ms=now_ms,
            expires_ms=now_ms + 1000 * valid_s,
        )
        with self._database.session() as session:
            session.add(row)
            self._audit.record(session, actor, "enrollment_token.create", device_id, token_id=token.token_id)
        return token, row.expires_ms

    def ca_for_token(self, token_id: str) -> str:
        """Return the CA's certificate to the holder of a live token.

        Raises:
            NotFoundError: There is no live token of this id.
        """
        with self._database.reading() as session:
            row = session.get(EnrollmentTokenRow, token_id)
        if row is None or row.used_ms is not None or row.expires_ms <= self._clock():
            raise NotFoundError("no live enrolment token of this id", code="token_not_live")
        return self._certificates.ca_pem

    def enroll(self, request: EnrollmentRequest) -> tuple[str, IssuedCertificate]:
        """Redeem a token: the device exists from now on, with a certificate on its key.

        A device that is known gets a new certificate, and the old one is revoked.

        Returns:
            The device's id and its certificate.

        Raises:
            UnauthenticatedError: The token is wrong, used or expired.
            InvalidRequestError: The certificate request is refused; the token stays live.
        """
        try:
            token = parse_token(request.token)
        except EnrollmentError as error:
            raise UnauthenticatedError(str(error), code="token_invalid") from error
        with self._certificates.revoking, self._database.session() as session:
            row = self._redeem(session, token)
            certificate = self._certificates.issue_device(row.device_id, request.csr_pem)
            self._store(session, row, request.profile, certificate)
            self._audit.record(
                session, f"device:{row.device_id}", "device.enroll", row.device_id, serial=certificate.serial
            )
            session.flush()
            self._certificates.write_revocation_list(revoked_certificates(session, self._clock()))
        return row.device_id, certificate

    def _redeem(self, session: Session, token: EnrollmentToken) -> EnrollmentTokenRow:
        row = session.get(EnrollmentTokenRow, token.token_id)
        digest = sha256_hex(token.secret.encode())
        if row is None or not secrets.compare_digest(row.secret_sha256, digest):
            raise UnauthenticatedError(_REFUSAL, code="token_invalid")
        if row.expires_ms <= self._clock():
            raise UnauthenticatedError("the enrolment token has expired; ask for a new one", code="token_expired")
        # One statement finds the token unused and uses it, so two requests cannot both succeed.
        statement = update(EnrollmentTokenRow).where(
            col(EnrollmentTokenRow.token_id) == token.token_id, col(EnrollmentTokenRow.used_ms).is_(None)
        )
        if session.exec(statement.values(used_ms=self._clock())).rowcount != 1:
            raise UnauthenticatedError("the enrolment token was used before; ask for a new one", code="token_used")
        return row

    def _store(self, session: Session, token: EnrollmentTokenRow, profile: str, certificate: IssuedCertificate) -> None:
        now_ms = self._clock()
        revoke_certificates(session, token.device_id, now_ms)
        device = session.get(DeviceRow, token.device_id)
        if device is None:
            device = DeviceRow(
                device_id=token.device_id,
                state="active",
                profile=profile,
                enrolled_ms=now_ms,
                certificate_expires_ms=certificate.expires_ms,
            )
        device.state, device.profile = "active", profile
        device.certificate_expires_ms = certificate.expires_ms
        session.add(device)
        session.flush()
        session.add(
            DeviceCertificateRow(
                serial=certificate.serial,
                device_id=token.device_id,
                issued_ms=now_ms,
                expires_ms=certificate.expires_ms,
            )
        )
        if token.labels:
            replace_labels(session, token.device_id, token.labels)


def replace_labels(session: Session, device_id: str, labels: Mapping[str, str]) -> None:
    """Give a device exactly these labels."""
    for row in session.exec(select(DeviceLabelRow).where(DeviceLabelRow.device_id == device_id)):
        session.delete(row)
    session.flush()
    session.add_all(DeviceLabelRow(device_id=device_id, key=key, value=value) for key, value in labels.items())


def revoke_certificates(session: Session, device_id: str, now_ms: int, *, but: str = "") -> None:
    """Mark a device's certificates as revoked, but for the one of a serial number."""
    statement = update(DeviceCertificateRow).where(
        col(DeviceCertificateRow.device_id) == device_id,
        col(DeviceCertificateRow.revoked_ms).is_(None),
        col(DeviceCertificateRow.serial) != but,
    )
    session.exec(statement.values(revoked_ms=now_ms))


def revoked_certificates(session: Session, now_ms: int) -> list[tuple[str, int]]:
    """Return the serial and time of each revocation that still matters."""
    query = select(DeviceCertificateRow.serial, DeviceCertificateRow.revoked_ms).where(
        col(DeviceCertificateRow.revoked_ms).is_not(None), col(DeviceCertificateRow.expires_ms) > now_ms
    )
    return [(serial, revoked_ms) for serial, revoked_ms in session.exec(query) if revoked_ms is not None]
