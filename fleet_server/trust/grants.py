"""Download grants: an address that one device may fetch from until a moment.

``{device_id}.{expires_ms}.{mac}``: HMAC-SHA256 (RFC 2104) over the first two. Nothing
secret is behind it, since TUF and the hashes protect what is fetched; it keeps
strangers from the server's bandwidth and tells whose download it is.
"""

import hashlib
import hmac

from fleet_server.clock import Clock
from fleet_server.errors import ForbiddenError

REPOSITORY_PATH = "/device/v1/repository"


class DownloadGrants:
    """Makes and checks grants.

    Args:
        secret: At least 32 random bytes.
        origin: The server's address as devices use it, such as ``https://fleet:8443``.
        clock: Gives the present.
        life_s: Validity of a grant.
    """

    def __init__(self, secret: bytes, origin: str, clock: Clock, *, life_s: int) -> None:
        self._secret = secret
        self._origin = origin
        self._clock = clock
        self._life_s = life_s

    def repository_url(self, device_id: str) -> str:
        """Return the address of the repository for one device."""
        stem = f"{device_id}.{self._clock() + 1000 * self._life_s}"
        return f"{self._origin}{REPOSITORY_PATH}/{stem}.{self._mac(stem)}"

    def check(self, grant: str) -> str:
        """Return the device id of a valid grant.

        Raises:
            ForbiddenError: The grant is malformed, forged or has expired.
        """
        stem, _, mac = grant.rpartition(".")
        if not hmac.compare_digest(mac.encode(), self._mac(stem).encode()):
            raise ForbiddenError("this download address is not one of ours", code="grant_invalid")
        device_id, _, expires_ms = stem.partition(".")
        if int(expires_ms) <= self._clock():
            raise ForbiddenError(
                "this download address has expired; wait for the next assignment", code="grant_expired"
            )
        return device_id

    def _mac(self, stem: str) -> str:
        return hmac.new(self._secret, stem.encode(), hashlib.sha256).hexdigest()
