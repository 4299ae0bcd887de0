"""A model's TUF role: the signed list of its releases, which CI extends with each publish.

Pure: role bytes in, role bytes out. The current role comes from the server, so it is checked
to bear CI's own signature before anything is added to it: a server could otherwise have
CI sign releases that it has never seen.

Source: The Update Framework specification 1.0, targets metadata; python-tuf.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, TargetFile, Targets
from tuf.api.serialization import DeserializationError
from tuf.api.serialization.json import JSONSerializer

from compiler.errors import PublishError

LIFE = timedelta(days=180)


@dataclass(frozen=True)
class Release:
    """A bundle as the role lists it.

    Attributes:
        target_path: Its path in the repository, ``{model}/{version}/{profile or portable}.bundle``.
        profile: The firmware profile's name; ``None`` for a portable bundle.
        data: The bundle's bytes.
    """

    target_path: str
    profile: str | None
    data: bytes


def next_role(current: bytes | None, release: Release, key: Ed25519PrivateKey, now: datetime) -> bytes | None:
    """Add a release to a model's role.

    Args:
        current: The role as published; ``None`` before the first release.
        release: What to add.
        key: CI's key.
        now: The present, UTC; the new role expires 180 days later.

    Returns:
        The new role, signed; ``None`` if the current one lists the very release already.

    Raises:
        PublishError: The current role is malformed or not signed by this key, or lists
            other bytes under the release's path.
    """
    signer = CryptoSigner(key)
    role = Targets() if current is None else _verified(current, signer)
    listed = role.targets.get(release.target_path)
    added = TargetFile.from_data(release.target_path, release.data, ["sha256"])
    if listed is not None:
        if listed.hashes == added.hashes:
            return None
        raise PublishError(f"{release.target_path} is published already with other bytes: choose a new version")
    custom = {"release_counter": _release_counter(role, release), "profile": release.profile}
    added.unrecognized_fields["custom"] = custom
    role.targets[release.target_path] = added
    role.version = 1 if current is None else role.version + 1
    role.expires = (now + LIFE).replace(microsecond=0)
    metadata = Metadata(role)
    metadata.sign(signer)
    return metadata.to_bytes(JSONSerializer(compact=True))


def _verified(current: bytes, signer: CryptoSigner) -> Targets:
    try:
        metadata = Metadata[Targets].from_bytes(current)
    except (DeserializationError, RepositoryError, RecursionError) as error:
        raise PublishError(f"the server's role of the model is malformed: {error}") from error
    signature = metadata.signatures.get(signer.public_key.keyid)
    if not isinstance(metadata.signed, Targets) or signature is None:
        raise PublishError("the server's role of the model is not signed by this key: publish with the key that it has")
    try:
        signer.public_key.verify_signature(signature, metadata.signed_bytes)
    except UnverifiedSignatureError as error:
        raise PublishError("the signature of the server's role of the model is wrong") from error
    return metadata.signed


def _release_counter(role: Targets, release: Release) -> int:
    """Return the counter: one for all variants of a version, higher for each new version."""
    version = release.target_path.split("/")[1]
    counters = {path: target.unrecognized_fields["custom"]["release_counter"] for path, target in role.targets.items()}
    siblings = [counter for path, counter in counters.items() if path.split("/")[1] == version]
    return siblings[0] if siblings else max(counters.values(), default=0) + 1
