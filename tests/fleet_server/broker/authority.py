"""A certificate authority for tests, which issues whatever name it is asked for."""

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from fleet_server.broker.tls import TlsFiles

_START = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=5)
_END = _START + dt.timedelta(days=1)


class Authority:
    """Issues certificates into a folder.

    Args:
        folder: Where the PEM files go.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"ca of {folder.name}")])
        self.ca = folder / "ca.crt"
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        builder = self._builder(self._name, self._key).add_extension(constraints, critical=True)
        certificate = builder.add_extension(usage, critical=True).sign(self._key, hashes.SHA256())
        self.ca.write_bytes(certificate.public_bytes(Encoding.PEM))
        self.revocations = folder / "crl.pem"
        self._write_revocations([])

    def issue(self, common_name: str) -> TlsFiles:
        """Issue a certificate that also serves as a server's on 127.0.0.1."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        certificate = (
            self._builder(subject, key).add_extension(address, critical=False).sign(self._key, hashes.SHA256())
        )
        path = self.folder / f"{certificate.serial_number:x}.crt"
        files = TlsFiles(self.ca, path, path.with_suffix(".key"))
        files.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
        files.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return files

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(_START)
            .not_valid_after(_END)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )

    def revoke(self, files: TlsFiles) -> None:
        """Put a certificate on the revocation list."""
        certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
        self._write_revocations([certificate.serial_number])

    def _write_revocations(self, serials: list[int]) -> None:
        builder = x509.CertificateRevocationListBuilder().issuer_name(self._name).last_update(_START)
        for serial in serials:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(_START).build()
            builder = builder.add_revoked_certificate(entry)
        revocations = builder.next_update(_END).sign(self._key, hashes.SHA256())
        self.revocations.write_bytes(revocations.public_bytes(Encoding.PEM))
