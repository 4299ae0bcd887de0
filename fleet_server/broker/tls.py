"""Mutual TLS between the broker and its clients: both sides carry a certificate of the fleet's CA."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from fleet_server.errors import StartError


@dataclass(frozen=True)
class TlsFiles:
    """The PEM files of one side.

    Args:
        ca: Certificates of the fleet's CA, by which the other side is verified.
        certificate: This side's certificate.
        key: Its private key.
    """

    ca: Path
    certificate: Path
    key: Path


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """Build the context of a broker that demands a certificate of the fleet's CA.

    Raises:
        StartError: A file is missing or damaged.
    """
    context = _context(ssl.PROTOCOL_TLS_SERVER, files)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(files: TlsFiles) -> ssl.SSLContext:
    """Build the context of a client that checks the broker's name and shows its own certificate.

    Raises:
        StartError: A file is missing or damaged.
    """
    return _context(ssl.PROTOCOL_TLS_CLIENT, files)


def _context(protocol: int, files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(files.certificate, files.key)
        context.load_verify_locations(files.ca)
    except OSError as error:  # an SSLError is one too
        names = f"{files.certificate}, {files.key} or {files.ca}"
        raise StartError(f"cannot use {names}: {error.strerror or error}; restore the data folder") from error
    return context
