"""The fleet's certificate authority: X.509 certificates (RFC 5280) on P-256 keys.

A certificate's name comes from the server's registry, never from a request. Short-lived
by settings; what is revoked before its time is in the revocation list, ``ca/crl.pem``.
"""

import datetime as dt
import ipaddress
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from device_contract.canonical import sha256_hex
from fleet_server.clock import Clock
from fleet_server.errors import InvalidRequestError, StartError
from fleet_server.settings import DAY_S, DataFolder
from fleet_server.trust.files import read_ec_key, read_file, write_file, write_key

SERVER_NAME = "fleet-server"
"""Common name of the server's MQTT client certificate; no device may have it."""

OPERATORS_NAME = "fleet-operators"
"""Common name of the certificate with which operators read the alerts over MQTT; no device may have it."""

_AUTHORITY_LIFE_S = 10 * 365 * DAY_S
_BACKDATE_S = 3600  # a device's clock may be behind


@dataclass(frozen=True)
class IssuedCertificate:
    """A device's certificate.

    Attributes:
        serial: Serial number in hexadecimal.
        pem: The certificate.
        expires_ms: End of its validity, Unix milliseconds.
    """

    serial: str
    pem: str
    expires_ms: int


def create_authority(folder: DataFolder, clock: Clock) -> None:
    """Make the CA's key and its self-signed certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Leeway fleet CA")])
    builder = _builder(name, name, key.public_key(), key.public_key(), _validity(clock, _AUTHORITY_LIFE_S))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    usage = _key_usage(signs_certificates=True)
    certificate = builder.add_extension(usage, critical=True).sign(key, SHA256())
    write_key(folder.keys / "ca.key", key)
    write_file(folder.certificates / "ca.crt", certificate.public_bytes(Encoding.PEM))


class Certificates:
    """Issues certificates and keeps the revocation list.

    Args:
        folder: The data folder, with the CA in it.
        clock: Gives the time of issue.
        device_life_s: Validity of device certificates.
    """

    def __init__(self, folder: DataFolder, clock: Clock, *, device_life_s: int) -> None:
        self._folder = folder
        self._clock = clock
        self._device_life_s = device_life_s
        self._key = read_ec_key(folder.keys / "ca.key")
        self._ca = _read_certificate(folder.certificates / "ca.crt")
        self.ca_pem = self._ca.public_bytes(Encoding.PEM).decode()
        self.ca_sha256 = sha256_hex(self._ca.public_bytes(Encoding.DER))
        self.revoking = threading.Lock()
        """Held until a revocation is committed: of two at once, each would write a list that lacks the other."""

    def issue_device(self, device_id: str, csr_pem: str) -> IssuedCertificate:
        """Sign a device's key under the name that the registry gives it.

        Args:
            device_id: Becomes the common name.
            csr_pem: PKCS #10 request; only its public key is used.

        Raises:
            InvalidRequestError: The request is malformed, not signed by its key, or its key is
                not on P-256.
        """
        public_key = _requested_key(csr_pem)
        certificate = self._issue(device_id, public_key, ExtendedKeyUsageOID.CLIENT_AUTH, self._device_life_s)
        return IssuedCertificate(
            serial=f"{certificate.serial_number:x}",
            pem=certificate.public_bytes(Encoding.PEM).decode(),
            expires_ms=int(certificate.not_valid_after_utc.timestamp() * 1000),
        )

    def renew_server(self, host: str, life_s: int) -> bool:
        """Issue the server's own certificates when they are missing, for another host, or half spent.

        Args:
            host: Name or address in the certificate, beside ``localhost`` and ``127.0.0.1``.
            life_s: Validity of the new certificates.

        Returns:
            Whether new ones were written.
        """
        names = _alternative_names(host)
        path = self._folder.certificates / "server.crt"
        if path.exists() and _is_fresh(path.read_bytes(), names, _moment(self._clock())):
            return False
        for name in (SERVER_NAME, OPERATORS_NAME):
            self._write_own(name, ExtendedKeyUsageOID.CLIENT_AUTH, life_s, None)
        self._write_own("server", ExtendedKeyUsageOID.SERVER_AUTH, life_s, names)
        return True

    def write_revocation_list(self, revoked: Iterable[tuple[str, int]]) -> None:
        """Write ``ca/crl.pem`` anew.

        Args:
            revoked: Serial (hexadecimal) and time (Unix milliseconds) of each revocation.
        """
        now = _moment(self._clock())
        # A broker that reads the list at start refuses everybody once it has lapsed: it lives as long as the CA.
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._ca.subject)
            .last_update(now - dt.timedelta(seconds=_BACKDATE_S))
            .next_update(self._ca.not_valid_after_utc)
            .add_extension(x509.CRLNumber(int(now.timestamp() * 1000)), critical=False)
        )
        for serial, time_ms in revoked:
            entry = x509.RevokedCertificateBuilder(int(serial, 16), _moment(time_ms))
            builder = builder.add_revoked_certificate(entry.build())
        crl = builder.sign(self._key, SHA256())
        write_file(self._folder.certificates / "crl.pem", crl.public_bytes(Encoding.PEM))

    def _write_own(
        self, name: str, usage: x509.ObjectIdentifier, life_s: int, names: x509.SubjectAlternativeName | None
    ) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._issue(name, key.public_key(), usage, life_s, names)
        write_key(self._folder.keys / f"{name}.key", key)
        write_file(self._folder.certificates / f"{name}.crt", certificate.public_bytes(Encoding.PEM))

    def _issue(
        self,
        name: str,
        public_key: ec.EllipticCurvePublicKey,
        usage: x509.ObjectIdentifier,
        life_s: int,
        names: x509.SubjectAlternativeName | None = None,
    ) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        validity = _validity(self._clock, life_s)
        builder = _builder(subject, self._ca.subject, public_key, self._key.public_key(), validity)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_key_usage(signs_certificates=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, SHA256())


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
    validity: tuple[dt.datetime, dt.datetime],
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity[0])
        .not_valid_after(validity[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _requested_key(csr_pem: str) -> ec.EllipticCurvePublicKey:
    try:
        request = x509.load_pem_x509_csr(csr_pem.encode())
        key = request.public_key()
        is_signed = request.is_signature_valid
    except (ValueError, TypeError, UnicodeError, InvalidSignature, x509.UnsupportedGeneralNameType) as error:
        raise InvalidRequestError("the certificate request is malformed", code="malformed_csr") from error
    if not is_signed:
        raise InvalidRequestError("the certificate request is not signed by its own key", code="malformed_csr")
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise InvalidRequestError("the certificate request's key must be on P-256", code="wrong_key_type")
    return key


def _alternative_names(host: str) -> x509.SubjectAlternativeName:
    texts = dict.fromkeys((host, "localhost", "127.0.0.1"))
    return x509.SubjectAlternativeName([_general_name(text) for text in texts])


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _read_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(read_file(path))
    except ValueError as error:
        raise StartError(f"{path} does not hold a certificate; restore the data folder") from error


def _is_fresh(pem: bytes, names: x509.SubjectAlternativeName, now: dt.datetime) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return False  # damaged: a new one takes its place
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return held == names and now < start + (end - start) / 2


def _validity(clock: Clock, life_s: int) -> tuple[dt.datetime, dt.datetime]:
    now = _moment(clock())
    return now - dt.timedelta(seconds=_BACKDATE_S), now + dt.timedelta(seconds=life_s)


def _moment(time_ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(time_ms // 1000, dt.UTC)
