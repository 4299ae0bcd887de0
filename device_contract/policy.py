"""Two small targets of the TUF repository that every device reads before it installs.

``fleet/director-keys.json`` names the keys that may sign assignments, and
``fleet/policy.json`` holds the release floors and the revoked bundles. Both are
vouched for by the offline ``targets`` role.
"""

from typing import Annotated, Literal, TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from device_contract.errors import EnvelopeError
from device_contract.messages import Natural
from device_contract.names import Name, Sha256

DIRECTOR_KEYS_PATH = "fleet/director-keys.json"
POLICY_PATH = "fleet/policy.json"
MAX_POLICY_BYTES = 1 << 20

_T = TypeVar("_T")


class DirectorKeys(msgspec.Struct, frozen=True, kw_only=True):
    """The Ed25519 public keys (raw, hexadecimal) that may sign assignments."""

    schema_version: Literal[1] = 1
    keys: Annotated[tuple[str, ...], msgspec.Meta(max_length=16)]

    def public_keys(self) -> tuple[Ed25519PublicKey, ...]:
        """Return the keys as objects.

        Raises:
            EnvelopeError: A key is not 32 bytes in hexadecimal.
        """
        try:
            return tuple(Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)) for key in self.keys)
        except ValueError as error:
            raise EnvelopeError(f"malformed director key: {error}") from error


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What no device may install."""

    schema_version: Literal[1] = 1
    release_floors: dict[Name, Natural]
    """Lowest release counter that may be installed, by model."""
    revoked: tuple[Sha256, ...]
    """Bundles that may not be installed."""


def decode_policy_target(data: bytes, target_type: type[_T]) -> _T:
    """Decode either target.

    Raises:
        EnvelopeError: The bytes are malformed or of an unknown version.
    """
    try:
        return msgspec.json.decode(data, type=target_type)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EnvelopeError(f"malformed {target_type.__name__}: {error}") from error
