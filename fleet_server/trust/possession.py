"""Proof that a device has the key of a certificate of ours: it signs its next certificate request with it."""

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from device_contract.enrollment import RenewalRequest
from fleet_server.errors import InvalidRequestError, UnauthenticatedError


def proven_serial(request: RenewalRequest, ca_pem: str) -> str:
    """Return the serial number (hexadecimal) of the certificate whose key signed the request.

    Whether that certificate is still good is for the registry to say.

    Args:
        request: What the device sent.
        ca_pem: The fleet's CA.

    Raises:
        InvalidRequestError: A part of the request is malformed.
        UnauthenticatedError: The CA did not issue the certificate, or its key did not sign.
    """
    try:
        certificate = x509.load_pem_x509_certificate(request.certificate_pem.encode())
        signed = x509.load_pem_x509_csr(request.csr_pem.encode()).public_bytes(Encoding.DER)
    except (ValueError, UnicodeError) as error:
        raise InvalidRequestError("the certificate or the certificate request is malformed") from error
    try:
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(ca_pem.encode()))
        key = certificate.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)  # noqa: S101  (the CA signs no others)
        key.verify(request.signature, signed, ec.ECDSA(SHA256()))
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm) as error:
        raise UnauthenticatedError("the key of no certificate of ours signed this", code="renewal_refused") from error
    return f"{certificate.serial_number:x}"
