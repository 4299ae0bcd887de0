"""Firmware profiles: what a class of devices can hold, one TOML file each.

The files are in ``firmware_profiles/``; the page is ``docs/formats/profile.md``.
"""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from device_contract.errors import ProfileError
from device_contract.manifest import ArtifactKind, Positive
from device_contract.names import Name

Processor = Literal["x86_64", "aarch64", "armv7", "cortex-m4"]


class FirmwareProfile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A class of hardware and its budgets."""

    schema_version: Literal[1]
    name: Name
    description: str
    processor: Processor
    memory_bytes: Positive
    artifact_kinds: Annotated[tuple[ArtifactKind, ...], msgspec.Meta(min_length=1)]
    max_artifact_bytes: Positive
    """Largest artifact that the device may hold in one slot."""
    max_rss_bytes: Positive
    """Resident memory of the agent with the model active."""
    max_p99_one_row_us: Annotated[float, msgspec.Meta(gt=0)]
    """99th percentile of the time to score one row, microseconds."""
    max_telemetry_bytes_per_day: Positive
    """What the agent may publish in reports in a day."""
    max_download_bytes_per_s: Positive


def read_profile(path: Path) -> FirmwareProfile:
    """Read a profile from its TOML file.

    Raises:
        ProfileError: The file cannot be read, or is malformed.
    """
    try:
        profile = msgspec.toml.decode(path.read_bytes(), type=FirmwareProfile)
    except OSError as error:
        raise ProfileError(f"cannot read profile {path}: {error.strerror}") from error
    except (msgspec.DecodeError, ValueError, RecursionError) as error:  # ValueError: not UTF-8, or NUL in the path
        raise ProfileError(f"malformed profile {path}: {error}") from error
    if profile.name != path.stem:
        raise ProfileError(f"profile {path} is named {profile.name!r} inside")
    return profile


def find_profile(name: str) -> FirmwareProfile:
    """Read a profile by its name, or by the path of its file.

    Raises:
        ProfileError: There is no such profile; the message lists those that there are.
    """
    if name.endswith(".toml"):
        return read_profile(Path(name))
    path = profiles_folder() / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in profiles_folder().glob("*.toml")))
        raise ProfileError(f"no firmware profile {name!r}; there are: {known}")
    return read_profile(path)


def profiles_folder() -> Path:
    """Return the folder of the profiles that ship with Leeway."""
    return Path(__file__).resolve().parent.parent / "firmware_profiles"
