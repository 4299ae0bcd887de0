"""Devices that enrol as agents do: a key of their own, a token, a certificate."""

from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from tests.fleet_server.conftest import AppClient


@dataclass(frozen=True)
class Enrolled:
    """What the device has afterwards."""

    key: ec.EllipticCurvePrivateKey
    answer: dict[str, Any]

    @property
    def certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.answer["certificate_pem"].encode())


def request_for(key: Any, name: str = "whatever") -> str:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, SHA256())
    return request.public_bytes(Encoding.PEM).decode()


def make_token(http: AppClient, device_id: str, **fields: Any) -> str:
    answer = http.post("/api/v1/enrollment-tokens", json={"device_id": device_id, **fields})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


def redeem(http: AppClient, token: str, csr_pem: str, profile: str = "generic-x86_64") -> Any:
    body = {"token": token, "csr_pem": csr_pem, "profile": profile}
    return http.as_holder("").post("/device/v1/enroll", json=body)


def enroll(http: AppClient, device_id: str, **fields: Any) -> Enrolled:
    """Enrol a device with a fresh token."""
    key = ec.generate_private_key(ec.SECP256R1())
    answer = redeem(http, make_token(http, device_id, **fields), request_for(key))
    assert answer.status_code == 200, answer.text
    return Enrolled(key, answer.json())
