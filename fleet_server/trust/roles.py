"""Checks of a model's TUF role before the server publishes it; pure.

CI signs the whole role each time: the server must see that it only adds to it, lest a
stale or mistaken upload take releases away that devices run.
"""

import datetime as dt
from dataclasses import dataclass

from tuf.api.exceptions import RepositoryError, UnsignedMetadataError
from tuf.api.metadata import Metadata, TargetFile, Targets
from tuf.api.serialization import DeserializationError

from device_contract.names import is_name
from fleet_server.errors import InvalidRequestError

MAX_ROLE_BYTES = 4 << 20
"""Below python-tuf's own limit for targets metadata, 5 MB."""

MAX_LIFE = dt.timedelta(days=366)


@dataclass(frozen=True)
class Release:
    """A bundle as its role must list it."""

    target_path: str
    sha256: str
    size_bytes: int
    profile: str | None

    @property
    def model(self) -> str:
        """The model in the path."""
        return self.target_path.split("/")[0]

    @property
    def version(self) -> str:
        """The version in the path."""
        return self.target_path.split("/")[1]


def check_role(
    data: bytes, delegator: Targets, current: Targets | None, release: Release, now: dt.datetime
) -> tuple[int, int]:
    """Check new metadata of a model's role.

    Args:
        data: The metadata, signed by CI.
        delegator: The top-level targets, which name the role's keys.
        current: The role as published; ``None`` before the first release.
        release: What the new metadata must list.
        now: The present, UTC.

    Returns:
        The role's version, and the release counter of the release.

    Raises:
        InvalidRequestError: It may not be published; the message says why.
    """
    metadata = _parse(data)
    role, name = metadata.signed, role_name(release.model)
    try:
        delegator.verify_delegate(name, metadata.signed_bytes, metadata.signatures)
    except (UnsignedMetadataError, ValueError) as error:
        raise _refusal(f"not signed by the model's keys: {error}", "role_not_signed") from error
    _check_form(role, name, delegator, now)
    _check_growth(role, current, release)
    return role.version, check_release(role, release)


def _parse(data: bytes) -> Metadata[Targets]:
    if len(data) > MAX_ROLE_BYTES:
        raise _refusal(f"{len(data)} bytes, limit {MAX_ROLE_BYTES}")
    try:
        metadata = Metadata[Targets].from_bytes(data)
    except (DeserializationError, RepositoryError, RecursionError) as error:
        raise _refusal(f"malformed TUF metadata: {error}") from error
    if not isinstance(metadata.signed, Targets):
        raise _refusal(f"of type {metadata.signed.type!r}, expected 'targets'")
    return metadata


def _check_form(role: Targets, name: str, delegator: Targets, now: dt.datetime) -> None:
    if role.delegations is not None:
        raise _refusal("a model's role may not delegate further")
    if not now < role.expires <= now + MAX_LIFE:
        raise _refusal(f"expires {role.expires:%Y-%m-%d}: it must end within {MAX_LIFE.days} days from now")
    delegation = delegator.delegations.roles[name] if delegator.delegations and delegator.delegations.roles else None
    strays = [path for path in role.targets if delegation is None or not delegation.is_delegated_path(path)]
    if strays:
        raise _refusal(f"lists {strays[0][:120]!r}, which is outside of the model's paths")


def _check_growth(role: Targets, current: Targets | None, release: Release) -> None:
    version, targets = (current.version, current.targets) if current else (0, {})
    if role.version != version + 1:
        raise _refusal(
            f"version {role.version}, expected {version + 1}: fetch the current role and add to it", "role_stale"
        )
    changed = [path for path, target in targets.items() if role.targets.get(path) != target]
    if changed:
        raise _refusal(f"changes or drops {changed[0]!r}: published releases stay", "role_drops_release")
    extra = set(role.targets) - set(targets) - {release.target_path}
    if extra:
        raise _refusal(f"lists {min(extra)!r}, which was not uploaded", "role_lists_unknown")


def check_release(role: Targets, release: Release) -> int:
    """Check that a role lists a release as it is, under a counter that rises with each version.

    Returns:
        The release counter.

    Raises:
        InvalidRequestError: It does not.
    """
    target = role.targets.get(release.target_path)
    if target is None:
        raise _refusal(f"does not list {release.target_path!r}", "role_misses_bundle")
    if target.length != release.size_bytes or target.hashes.get("sha256") != release.sha256:
        raise _refusal(f"lists {release.target_path!r} with another length or hash", "role_misses_bundle")
    counter = _release_counter(target)
    if _custom(target).get("profile") != release.profile:
        raise _refusal(f"lists {release.target_path!r} for another profile")
    _check_counter(role, release, counter)
    return counter


def _check_counter(role: Targets, release: Release, counter: int) -> None:
    """One counter for all variants of a version; a later version has a higher one."""
    counters = {path: _release_counter(target) for path, target in role.targets.items() if path != release.target_path}
    siblings = {counter for path, counter in counters.items() if path.split("/")[1] == release.version}
    highest = max(counters.values(), default=0)
    if counter <= highest and counter not in siblings:
        raise _refusal(
            f"release counter {counter} of {release.target_path!r} must rise above {highest}", "counter_stale"
        )


def _release_counter(target: TargetFile) -> int:
    counter = _custom(target).get("release_counter")
    if not isinstance(counter, int) or isinstance(counter, bool) or not 0 < counter <= 2**53:
        raise _refusal(f"lists {target.path!r} without a release counter")
    return counter


def _custom(target: TargetFile) -> dict[str, object]:
    custom = target.unrecognized_fields.get("custom")
    return custom if isinstance(custom, dict) else {}


def _refusal(reason: str, code: str = "role_invalid") -> InvalidRequestError:
    return InvalidRequestError(f"the model's role: {reason}", code=code)


def role_name(model: str) -> str:
    """Return the name of a model's role."""
    if not is_name(model):
        raise InvalidRequestError(f"not a model's name: {model[:80]!r}")
    return f"m-{model}"
