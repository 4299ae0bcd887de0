"""Enrolment: a one-time token becomes an identity in the state folder.

The token pins the fleet's CA by digest. The CA is fetched over a connection that
nobody vouches for, and is trusted only if its digest is the pinned one; the secret then
goes over a connection that this CA vouches for. The private key is made here and never
leaves; ``agent.toml`` is written last, so a folder that has it is whole.
"""

import hashlib
import ssl
import warnings
from pathlib import Path
from typing import Final

import msgspec
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from urllib3.exceptions import HTTPError, InsecureRequestWarning

from device_contract.canonical import canonical_json
from device_contract.enrollment import (
    MAX_ENROLLMENT_BYTES,
    EnrollmentRequest,
    EnrollmentResponse,
    EnrollmentToken,
    RenewalRequest,
    decode_enrollment,
    parse_token,
)
from device_contract.errors import EnrollmentError
from device_contract.names import is_name
from device_contract.profile import find_profile
from edge_agent.download import TIMEOUT, secure_pool
from edge_agent.errors import AgentError, EnrollmentRefusedError, ServerUnreachableError, SettingsError, StateError
from edge_agent.settings import FILE_NAME, IDENTITY_FILE_NAME, Settings, first_settings
from edge_agent.storage import write_atomically

_OK: Final = 200
_CREATED: Final = 201
_PRIVATE: Final = 0o600


class _Problem(msgspec.Struct):
    """RFC 9457, as much of it as a person wants to read."""

    title: str = ""
    detail: str = ""


def enroll(server_url: str, token_text: str, state_dir: Path, profile: str) -> Settings:
    """Enrol this device and write its state folder.

    Args:
        server_url: ``https://host:port`` of the fleet server.
        token_text: The one-time token.
        state_dir: Where to write; made if missing.
        profile: The firmware profile of this hardware.

    Raises:
        EnrollmentRefusedError: The token is malformed, used or expired, or the CA is not the pinned one.
        ServerUnreachableError: The server does not answer.
        SettingsError: The folder is enrolled already, or the address or the profile's name is malformed.
        StateError: The folder cannot be written.
        ProfileError: There is no such profile.
    """
    if (state_dir / FILE_NAME).exists():
        raise SettingsError(f"{state_dir} is enrolled already; give another --state, or delete it to start anew")
    if not server_url.startswith("https://"):  # the secret never travels in the clear
        raise SettingsError(f"{server_url[:200]!r} is not an https address; give --server https://HOST:PORT")
    if not is_name(profile):
        raise SettingsError(f"not a profile's name: {profile[:80]!r}")
    find_profile(profile)
    try:
        return _enroll(server_url.rstrip("/"), parse_token(token_text), state_dir, profile)
    except EnrollmentError as error:
        raise EnrollmentRefusedError(str(error)) from error
    except OSError as error:
        raise StateError(f"cannot write {state_dir}: {error.strerror or error}") from error


def _enroll(server_url: str, token: EnrollmentToken, state_dir: Path, profile: str) -> Settings:
    state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    ca_file = state_dir / "ca.crt"
    write_atomically(ca_file, _pinned_ca(_fetch_ca(server_url, token), token))
    key = new_key()
    request = EnrollmentRequest(token=str(token), csr_pem=signing_request(key), profile=profile)
    response = ask_for_certificate(f"{server_url}/device/v1/enroll", ca_file, request)
    settings = Settings(
        device_id=response.device_id,
        profile=profile,
        server_url=server_url,
        mqtt_host=response.mqtt_host,
        mqtt_port=response.mqtt_port,
    )
    _write_identity(state_dir, key, response, settings)
    return settings


def _fetch_ca(server_url: str, token: EnrollmentToken) -> bytes:
    """Fetch the CA's certificate; what comes is not trusted yet."""
    pool = urllib3.PoolManager(ssl_context=_unverified(), timeout=TIMEOUT, retries=False)
    with warnings.catch_warnings():
        # Unverified on purpose: the digest in the token is what vouches for the answer.
        warnings.simplefilter("ignore", InsecureRequestWarning)
        return _answer(pool, "GET", f"{server_url}/device/v1/ca/{token.token_id}", None)


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _pinned_ca(pem: bytes, token: EnrollmentToken) -> bytes:
    """Return the certificate if it is the one that the token pins.

    Raises:
        EnrollmentRefusedError: It is not.
    """
    try:
        certificate = x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise EnrollmentRefusedError("the server did not answer with a certificate") from error
    der = certificate.public_bytes(serialization.Encoding.DER)
    if hashlib.sha256(der).hexdigest() != token.ca_sha256:
        raise EnrollmentRefusedError("the server's CA is not the one that the token pins; is this the right server?")
    return certificate.public_bytes(serialization.Encoding.PEM)


def new_key() -> ec.EllipticCurvePrivateKey:
    """Make a key of the kind that the fleet's CA certifies."""
    return ec.generate_private_key(ec.SECP256R1())


def signing_request(key: ec.EllipticCurvePrivateKey) -> str:
    """Return a PKCS #10 request (RFC 2986); the server sets the name."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "device")])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def ask_for_certificate(url: str, ca_file: Path, request: EnrollmentRequest | RenewalRequest) -> EnrollmentResponse:
    """Send a request over a connection that the fleet's CA vouches for.

    Raises:
        ServerUnreachableError: There is no answer.
        EnrollmentRefusedError: The answer is no.
        EnrollmentError: The answer is malformed.
    """
    return decode_enrollment(_answer(secure_pool(ca_file), "POST", url, canonical_json(request)), EnrollmentResponse)


def identity_pem(key: ec.EllipticCurvePrivateKey, certificate_pem: str) -> bytes:
    """Return the identity file: the private key, then its certificate."""
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem + certificate_pem.encode()


def _answer(pool: urllib3.PoolManager, method: str, url: str, body: bytes | None) -> bytes:
    """Return the body of a good answer, of bounded size.

    Raises:
        ServerUnreachableError: There is no answer.
        EnrollmentRefusedError: The answer is no.
    """
    headers = {"Content-Type": "application/json"} if body is not None else {}
    try:
        response = pool.request(method, url, body=body, headers=headers, preload_content=False)
        data = response.read(MAX_ENROLLMENT_BYTES + 1)
        response.release_conn()
    except (HTTPError, ValueError) as error:
        raise ServerUnreachableError(f"no answer from {url}: {error}") from error
    if response.status not in {_OK, _CREATED}:
        raise _refused(url, response.status, data)
    return data


def _refused(url: str, status: int, body: bytes) -> AgentError:
    """Return the server's own words (problem+json), if it has any."""
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        problem = _Problem()
    reason = ": ".join(part for part in (problem.title, problem.detail) if part)
    return EnrollmentRefusedError(f"the server refused: {reason or f'status {status} from {url}'}")


def _write_identity(
    state_dir: Path, key: ec.EllipticCurvePrivateKey, response: EnrollmentResponse, settings: Settings
) -> None:
    pem = identity_pem(key, response.certificate_pem)
    write_atomically(state_dir / IDENTITY_FILE_NAME, pem, mode=_PRIVATE)
    write_atomically(state_dir / "root.json", response.tuf_root.encode())
    write_atomically(state_dir / FILE_NAME, first_settings(settings))
