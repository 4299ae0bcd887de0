"""Publishing: bundle, signature and extended role to the fleet server, over HTTPS."""

import ssl
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compiler.errors import PublishError
from compiler.release_role import Release, next_role
from compiler.signing import sign_bundle
from device_contract.assignment import target_path
from device_contract.bundle import Bundle

_TIMEOUT_S = 60.0
_MAX_DETAIL_CHARACTERS = 500


@dataclass(frozen=True)
class Server:
    """Where to publish, and as whom.

    Attributes:
        url: The server's address, ``https://host:port``.
        token: A token with the role ``release_ci``.
        ca: File of the CA certificate that the server's own must chain to; the system's CAs without.
    """

    url: str
    token: str
    ca: Path | None


@dataclass(frozen=True)
class Published:
    """What came of it.

    Attributes:
        target_path: The bundle's path in the repository.
        is_new: ``False`` if the server had these very bytes already.
    """

    target_path: str
    is_new: bool


def publish(bundle: Bundle, data: bytes, key: Ed25519PrivateKey, server: Server, now: datetime) -> Published:
    """Publish a bundle; doing so twice is as good as once.

    Args:
        bundle: The bundle, opened.
        data: Its bytes.
        key: CI's key.
        server: Where to, and as whom.
        now: The present, UTC.

    Raises:
        PublishError: The server cannot be reached, refuses, or holds other bytes under this version.
    """
    manifest = bundle.manifest
    path = target_path(manifest.model, manifest.version, manifest.profile)
    model_url = f"/api/v1/models/{manifest.model}"
    with _client(server) as client:
        current = _request(client, "GET", f"{model_url}/role")
        # Before the first release there is no role yet; an unknown model shows when the release is sent.
        known = current.content if current.is_success else None
        role = next_role(known, Release(path, manifest.profile, data), key, now)
        if role is None:
            return Published(path, is_new=False)
        files = {
            "bundle": (path.rsplit("/", 1)[1], data, "application/x-tar"),
            "signature": ("signature.json", sign_bundle(bundle, key), "application/json"),
            "role": ("role.json", role, "application/json"),
        }
        answer = _request(client, "POST", f"{model_url}/versions", files=files)
    if not answer.is_success:
        raise PublishError(f"the server refused ({answer.status_code}): {_detail(answer)}")
    return Published(path, is_new=True)


def _client(server: Server) -> httpx.Client:
    if not server.url.startswith("https://"):
        raise PublishError(f"{server.url!r} is not an https:// address")
    try:
        context = ssl.create_default_context(cafile=str(server.ca) if server.ca else None)
    except OSError as error:  # an SSLError is one too
        raise PublishError(f"cannot read CA certificate {server.ca}: {error.strerror or error}") from error
    if not (server.token and server.token.isascii() and server.token.isprintable()) or " " in server.token:
        raise PublishError("the token is empty or holds characters that are not allowed: copy it again")
    headers = {"Authorization": f"Bearer {server.token}"}
    try:
        return httpx.Client(base_url=server.url, headers=headers, verify=context, timeout=_TIMEOUT_S)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise PublishError(f"the server's address holds characters that are not allowed: {error}") from error


def _request(client: httpx.Client, method: str, url: str, **content: Any) -> httpx.Response:  # noqa: ANN401
    """Send a request; returns a good answer, or one of 404.

    Raises:
        PublishError: The server cannot be reached, or refuses.
    """
    try:
        response = client.request(method, url, **content)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        is_stranger = "CERTIFICATE_VERIFY_FAILED" in str(error)
        hint = "give the fleet's CA with --ca" if is_stranger else "check the address and that the server runs"
        raise PublishError(f"cannot reach {client.base_url}: {error}; {hint}") from error
    if response.is_success or response.status_code == httpx.codes.NOT_FOUND:
        return response
    raise PublishError(f"the server refused ({response.status_code}): {_detail(response)}")


def _detail(response: httpx.Response) -> str:
    """Return the problem's own words (RFC 9457), else the start of the body."""
    try:
        problem = response.json()
    except (ValueError, RecursionError):
        problem = None
    detail = problem.get("detail") if isinstance(problem, dict) else None
    return str(detail or response.text)[:_MAX_DETAIL_CHARACTERS]
