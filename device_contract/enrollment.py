"""Enrolment: a one-time token and a certificate signing request become an identity.

The token reads ``lw1.{token_id}.{secret}.{ca_sha256}``. Its last part pins the fleet's
CA certificate, which the device fetches first (``GET /device/v1/ca/{token_id}``) and
trusts only if its DER bytes have that digest; the secret is sent over the verified
connection alone. A device renews its certificate with the key of the one that it has.
The page is ``docs/formats/enrollment.md``.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

import msgspec

from device_contract.errors import EnrollmentError
from device_contract.names import DeviceId, Name

MAX_ENROLLMENT_BYTES = 262_144
_T = TypeVar("_T")
_TOKEN = re.compile(r"lw1\.([0-9a-f]{16})\.([A-Za-z0-9_-]{32,64})\.([0-9a-f]{64})")


@dataclass(frozen=True)
class EnrollmentToken:
    """The parts of a one-time token."""

    token_id: str
    secret: str
    ca_sha256: str

    def __str__(self) -> str:
        """Return the text that the operator hands to the device."""
        return f"lw1.{self.token_id}.{self.secret}.{self.ca_sha256}"


def parse_token(text: str) -> EnrollmentToken:
    """Parse a token.

    Raises:
        EnrollmentError: The text is not a token.
    """
    match = _TOKEN.fullmatch(text.strip())
    if match is None:
        raise EnrollmentError("not an enrolment token: it reads lw1.<id>.<secret>.<digest>")
    return EnrollmentToken(*match.groups())


_Pem = Annotated[str, msgspec.Meta(max_length=16_384)]


class EnrollmentRequest(msgspec.Struct, frozen=True, kw_only=True):
    """``POST /device/v1/enroll``: JSON."""

    schema_version: Literal[1] = 1
    token: str
    csr_pem: _Pem
    """PKCS #10 request (RFC 2986) for a P-256 key; the server sets the name."""
    profile: Name


class RenewalRequest(msgspec.Struct, frozen=True, kw_only=True):
    """``POST /device/v1/renew``: JSON, answered by an ``EnrollmentResponse``."""

    schema_version: Literal[1] = 1
    certificate_pem: _Pem
    """The certificate that the device has."""
    csr_pem: _Pem
    """PKCS #10 request (RFC 2986) for a new P-256 key."""
    signature: Annotated[bytes, msgspec.Meta(max_length=128)]
    """ECDSA with SHA-256 (DER) by the certificate's key over the request's DER bytes; base64 in JSON."""


class EnrollmentResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The device's identity and what it must trust."""

    schema_version: Literal[1] = 1
    device_id: DeviceId
    certificate_pem: str
    ca_pem: str
    tuf_root: str
    """The TUF root metadata to start from, as text."""
    mqtt_host: str
    mqtt_port: Annotated[int, msgspec.Meta(ge=1, le=65_535)]


def decode_enrollment(data: bytes, message_type: type[_T]) -> _T:
    """Decode a request or a response of enrolment or renewal.

    Raises:
        EnrollmentError: The bytes are oversized, malformed, or of an unknown version.
    """
    if len(data) > MAX_ENROLLMENT_BYTES:
        raise EnrollmentError(f"{message_type.__name__} has {len(data)} bytes, limit {MAX_ENROLLMENT_BYTES}")
    try:
        return msgspec.json.decode(data, type=message_type)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EnrollmentError(f"malformed {message_type.__name__}: {error}") from error
