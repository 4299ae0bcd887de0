"""What the agent and its preparing child process say to each other: JSON."""

import msgspec

from device_contract.assignment import Assignment


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What to prepare."""

    state_dir: str
    device_id: str
    profile: str
    envelope: bytes
    repository_url: str
    accepted_sequence: int
    time_floor_ms: int


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    """All is verified, on the disk and tested."""

    assignment: Assignment


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag="refused"):
    """It was refused, or could not be fetched."""

    reason_code: str
    detail: str
    is_final: bool
