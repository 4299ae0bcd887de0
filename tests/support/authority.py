"""A certificate authority for tests, which issues whatever name it is asked for."""

import datetime as dt
import ipaddress
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from device_contract.canonical import sha256_hex

_START = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=5)
_END = _START + dt.timedelta(days=1)
_NO_USAGE = {
    "digital_signature": False,
    "content_commitment": False,
    "key_encipherment": False,
    "data_encipherment": False,
    "key_agreement": False,
    "key_cert_sign": False,
    "crl_sign": False,
    "encipher_only": False,
    "decipher_only": False,
}


class Identity(NamedTuple):
    """The PEM files of one side of a TLS connection."""

    ca: Path
    certificate: Path
    key: Path


class Authority:
    """Issues certificates into a folder.

    Args:
        folder: Where the PEM files go.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _common_name(f"ca of {folder.name}")
        usage = x509.KeyUsage(**(_NO_USAGE | {"key_cert_sign": True, "crl_sign": True}))
        certificate = (
            self._builder(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.pem = certificate.public_bytes(Encoding.PEM)
        self.sha256 = sha256_hex(certificate.public_bytes(Encoding.DER))
        self.ca = folder / "ca.crt"
        self.ca.write_bytes(self.pem)
        self.revocations = folder / "crl.pem"
        self._write_revocations([])

    def certify(self, name: str, public_key: Any, end: dt.datetime = _END) -> bytes:
        """Return a certificate in PEM, five minutes old, that also serves as a server's on this machine."""
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = self._builder(_common_name(name), public_key, end)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)

    def issue(self, name: str) -> Identity:
        """Make a key and certify it."""
        key = ec.generate_private_key(ec.SECP256R1())
        path = self.folder / f"{x509.random_serial_number():x}.crt"
        path.write_bytes(self.certify(name, key.public_key()))
        identity = Identity(self.ca, path, path.with_suffix(".key"))
        identity.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return identity

    def revoke(self, certificate: Path) -> None:
        """Put a certificate on the revocation list."""
        self._write_revocations([x509.load_pem_x509_certificate(certificate.read_bytes()).serial_number])

    def _builder(self, subject: x509.Name, public_key: Any, end: dt.datetime = _END) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(_START)
            .not_valid_after(end)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )

    def _write_revocations(self, serials: list[int]) -> None:
        builder = x509.CertificateRevocationListBuilder().issuer_name(self._name).last_update(_START)
        for serial in serials:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(_START).build()
            builder = builder.add_revoked_certificate(entry)
        revocations = builder.next_update(_END).sign(self._key, hashes.SHA256())
        self.revocations.write_bytes(revocations.public_bytes(Encoding.PEM))


def _common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
