"""Renewal: a device gets its next certificate with the key of the one that it has.

The certificate that a renewal is signed by is the one that the device holds, so every
other one of this device is revoked: an older one, which it has replaced, and a newer
one, whose answer never reached it. The holder's own stays valid until its end, or until
the device renews with its successor; a device whose answer is lost just asks again.
"""

from sqlmodel import Session

from device_contract.enrollment import RenewalRequest
from fleet_server.audit.service import AuditService
from fleet_server.clock import Clock
from fleet_server.db import Database
from fleet_server.devices.enrollment import revoke_certificates, revoked_certificates
from fleet_server.devices.tables import DeviceCertificateRow, DeviceRow
from fleet_server.errors import UnauthenticatedError
from fleet_server.trust.certificates import Certificates, IssuedCertificate
from fleet_server.trust.possession import proven_serial


class RenewalService:
    """Renews certificates."""

    def __init__(self, database: Database, certificates: Certificates, audit: AuditService, clock: Clock) -> None:
        self._database = database
        self._certificates = certificates
        self._audit = audit
        self._clock = clock

    def renew(self, request: RenewalRequest) -> tuple[str, IssuedCertificate]:
        """Issue the next certificate to the holder of a good one.

        Returns:
            The device's id and its new certificate.

        Raises:
            UnauthenticatedError: The certificate is not ours, revoked or expired, or its key did not sign.
            InvalidRequestError: The certificate request is refused.
        """
        serial = proven_serial(request, self._certificates.ca_pem)
        with self._certificates.revoking, self._database.session() as session:
            device = self._holder(session, serial)
            certificate = self._certificates.issue_device(device.device_id, request.csr_pem)
            self._replace(session, device, serial, certificate)
            session.flush()
            self._certificates.write_revocation_list(revoked_certificates(session, self._clock()))
            return device.device_id, certificate

    def _holder(self, session: Session, serial: str) -> DeviceRow:
        row = session.get(DeviceCertificateRow, serial)
        device = session.get(DeviceRow, row.device_id) if row is not None else None
        if row is None or device is None or row.revoked_ms is not None or device.state != "active":
            raise UnauthenticatedError("the certificate is revoked; enrol again", code="renewal_refused")
        if row.expires_ms <= self._clock():
            raise UnauthenticatedError("the certificate has expired; enrol again", code="renewal_refused")
        return device

    def _replace(self, session: Session, device: DeviceRow, serial: str, certificate: IssuedCertificate) -> None:
        now_ms = self._clock()
        revoke_certificates(session, device.device_id, now_ms, but=serial)
        device.certificate_expires_ms = certificate.expires_ms
        session.add(
            DeviceCertificateRow(
                serial=certificate.serial,
                device_id=device.device_id,
                issued_ms=now_ms,
                expires_ms=certificate.expires_ms,
            )
        )
        actor = f"device:{device.device_id}"
        self._audit.record(session, actor, "device.renew", device.device_id, serial=certificate.serial)
