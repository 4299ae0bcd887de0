"""What this device installs. Pure: bytes and values in, an answer or a refusal out.

A bundle is installed if, and only if, TUF vouches for its path, digest and length under
the model's delegation **and** a director key that TUF vouches for signed an assignment
that names this device, is in time, and carries a higher sequence number than the last;
the bundle is not revoked, its release is not below the signed floor, and it fits the
profile. Going back to an older release is legal: the floor is explicit.

Source: docs/formats/assignment.md; TUF 1.0.34, section 5; Uptane 2.1, section 5.4.4.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from device_contract.assignment import PAYLOAD_TYPE, AssignedSlot, Assignment, decode_assignment
from device_contract.envelope import verify
from device_contract.errors import EnvelopeError
from device_contract.manifest import Manifest
from device_contract.policy import Policy
from device_contract.profile import FirmwareProfile
from edge_agent.errors import RefusalError


@dataclass(frozen=True)
class VouchedTarget:
    """What TUF says of a target.

    Attributes:
        sha256: Its digest, hexadecimal.
        length_bytes: Its length.
        custom: What the release role adds: ``release_counter``, ``profile``.
    """

    sha256: str
    length_bytes: int
    custom: Mapping[str, Any]


@dataclass(frozen=True)
class Device:
    """Who decides, and what it remembers.

    Attributes:
        device_id: This device.
        profile: Its hardware.
        accepted_sequence: The highest sequence number that it has accepted.
        time_floor_ms: The latest verified time that it has seen.
    """

    device_id: str
    profile: FirmwareProfile
    accepted_sequence: int
    time_floor_ms: int


def check_clock(device: Device, now_ms: int) -> None:
    """Refuse to judge what has expired by a clock that is behind what was already seen.

    Raises:
        RefusalError: It is; another attempt may succeed.
    """
    if now_ms < device.time_floor_ms:
        behind_s = (device.time_floor_ms - now_ms) // 1000
        raise RefusalError("clock_behind", f"the clock is {behind_s} s behind a time already seen", is_final=False)


def verify_assignment(envelope: bytes, keys: Iterable[Ed25519PublicKey], device: Device, now_ms: int) -> Assignment:
    """Return the assignment, if this device shall carry it out.

    Args:
        envelope: The DSSE envelope.
        keys: The director keys that TUF vouches for.
        device: This device.
        now_ms: Unix milliseconds.

    Raises:
        RefusalError: It shall not.
    """
    try:
        payload = verify(envelope, PAYLOAD_TYPE, keys)
    except EnvelopeError as error:
        raise RefusalError("assignment_signature", str(error)) from error
    try:
        assignment = decode_assignment(payload)
    except EnvelopeError as error:
        raise RefusalError("assignment_malformed", str(error)) from error
    _check_addressee(assignment, device, now_ms)
    return assignment


def _check_addressee(assignment: Assignment, device: Device, now_ms: int) -> None:
    if assignment.device_id != device.device_id:
        raise RefusalError("assignment_wrong_device", f"it names {assignment.device_id!r}")
    if assignment.sequence <= device.accepted_sequence:
        detail = f"sequence {assignment.sequence}, accepted before: {device.accepted_sequence}"
        raise RefusalError("assignment_sequence", detail)
    if assignment.expires_ms <= now_ms:
        raise RefusalError("assignment_expired", f"expired {(now_ms - assignment.expires_ms) // 1000} s ago")


def check_target(slot: AssignedSlot, target: VouchedTarget | None, policy: Policy) -> None:
    """Check an assigned slot against what the fleet's offline and CI keys say.

    Raises:
        RefusalError: They do not vouch for it, or forbid it.
    """
    if target is None:
        raise RefusalError("target_unknown", f"no role vouches for {slot.target_path}")
    if (target.sha256, target.length_bytes) != (slot.sha256, slot.length_bytes):
        raise RefusalError("target_mismatch", f"{slot.target_path} is not the file that its role vouches for")
    if slot.sha256 in policy.revoked:
        raise RefusalError("bundle_revoked", f"{slot.target_path} is revoked")
    floor = policy.release_floors.get(slot.model, 0)
    release = target.custom.get("release_counter", 0)
    if not isinstance(release, int) or release < floor:
        raise RefusalError("release_below_floor", f"{slot.target_path} is release {release}, the floor is {floor}")


def check_bundle(slot: AssignedSlot, manifest: Manifest, profile: FirmwareProfile) -> None:
    """Check that a bundle is what the assignment says, and fits this hardware.

    Raises:
        RefusalError: It is not, or does not.
    """
    if (manifest.model, manifest.version) != (slot.model, slot.version):
        raise RefusalError("bundle_wrong_model", f"it holds {manifest.model} {manifest.version}")
    if manifest.profile not in {None, profile.name}:
        raise RefusalError("wrong_profile", f"it is for {manifest.profile}, this device is {profile.name}")
    allowed = [artifact for artifact in manifest.artifacts if artifact.kind in profile.artifact_kinds]
    if not allowed:
        raise RefusalError("artifact_kind", f"{profile.name} allows {', '.join(profile.artifact_kinds)} only")
    smallest = min(artifact.file.size_bytes for artifact in allowed)
    if smallest > profile.max_artifact_bytes:
        raise RefusalError(
            "artifact_too_large", f"{smallest} bytes, {profile.name} allows {profile.max_artifact_bytes}"
        )
