"""The child process: ``python -m edge_agent.renewal STATE_DIR`` (see the package)."""

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from device_contract.enrollment import RenewalRequest
from device_contract.errors import EnrollmentError
from edge_agent.enrollment import ask_for_certificate, identity_pem, new_key, signing_request
from edge_agent.errors import AgentError, EnrollmentRefusedError
from edge_agent.renewal.messages import Answer, Checked, Failed
from edge_agent.settings import IDENTITY_FILE_NAME, read_settings
from edge_agent.storage import write_atomically


def main() -> int:
    """Renew what is due, and answer."""
    sys.stdout.buffer.write(msgspec.json.encode(renew_if_due(Path(sys.argv[1]), time.time())))
    sys.stdout.buffer.flush()
    return 0


def renew_if_due(state_dir: Path, now_s: float) -> Answer:
    """Renew the certificate if half of its life is over.

    Args:
        state_dir: The state folder.
        now_s: Unix seconds.
    """
    try:
        with _alone_in(state_dir):
            due_in_s = _due_in_s(_certificate((state_dir / IDENTITY_FILE_NAME).read_bytes()), now_s)
            if due_in_s > 0:
                return Checked(is_new=False, due_in_s=due_in_s)
            return Checked(is_new=True, due_in_s=_due_in_s(_renew(state_dir), now_s))
    except (AgentError, EnrollmentError) as error:
        return Failed(detail=str(error))
    except (OSError, ValueError, TypeError) as error:
        return Failed(detail=f"{state_dir}: {error}")


@contextmanager
def _alone_in(state_dir: Path) -> Iterator[None]:
    """Wait for the child of an agent that was killed: of two renewals the server revokes the first one's."""
    folder = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _renew(state_dir: Path) -> x509.Certificate:
    """Have a new key certified, and put both in place; return the certificate."""
    held = (state_dir / IDENTITY_FILE_NAME).read_bytes()
    key = new_key()
    csr_pem = signing_request(key)
    request = RenewalRequest(
        certificate_pem=_certificate(held).public_bytes(Encoding.PEM).decode(),
        csr_pem=csr_pem,
        signature=_sign(held, csr_pem),
    )
    server_url = read_settings(state_dir).server_url
    response = ask_for_certificate(f"{server_url}/device/v1/renew", state_dir / "ca.crt", request)
    certificate = _certificate(response.certificate_pem.encode())
    if certificate.public_key() != key.public_key():
        raise EnrollmentRefusedError("the server certified another key")
    write_atomically(state_dir / IDENTITY_FILE_NAME, identity_pem(key, response.certificate_pem), mode=0o600)
    return certificate


def _sign(held: bytes, csr_pem: str) -> bytes:
    key = load_pem_private_key(held, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{IDENTITY_FILE_NAME} holds no key of ours")
    der = x509.load_pem_x509_csr(csr_pem.encode()).public_bytes(Encoding.DER)
    return key.sign(der, ec.ECDSA(hashes.SHA256()))


def _certificate(pem: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem)


def _due_in_s(certificate: x509.Certificate, now_s: float) -> float:
    start_s, end_s = certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()
    return (start_s + end_s) / 2 - now_s


if __name__ == "__main__":
    sys.exit(main())
