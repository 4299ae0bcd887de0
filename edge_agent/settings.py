"""The agent's settings: ``agent.toml`` in the state folder, one documented table.

Enrolment writes the first five; the rest have defaults. An unknown name is an error,
so that a misspelt setting is not silently the default.
"""

import json
import tomllib
from pathlib import Path
from typing import Annotated

import msgspec

from device_contract.names import DeviceId, Name
from edge_agent.errors import SettingsError

FILE_NAME = "agent.toml"
IDENTITY_FILE_NAME = "device.pem"
"""The device's private key and its certificate: one file, so that they always match."""

DAY_MS = 86_400_000
_Seconds = Annotated[float, msgspec.Meta(gt=0, le=31_536_000)]
_Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting; ``docs/guides/device.md`` has the same table."""

    device_id: DeviceId
    """The device's name, given by the server at enrolment."""
    profile: Name
    """The firmware profile of this hardware."""
    server_url: str
    """The fleet server's address for enrolment."""
    mqtt_host: str
    """The broker."""
    mqtt_port: Annotated[int, msgspec.Meta(ge=1, le=65_535)]
    """The broker's port, mutual TLS."""
    window_s: _Seconds = 3600.0
    """Length of a window of statistics, in event time: it divides a day, or is whole days."""
    window_grace_s: _Seconds = 30.0
    """A live source's window closes this long after its end when no row comes."""
    heartbeat_s: _Seconds = 30.0
    """Interval between two Status messages."""
    keepalive_s: Annotated[int, msgspec.Meta(ge=5, le=120)] = 60
    """MQTT keep-alive."""
    reconnect_max_s: _Seconds = 60.0
    """Longest wait before another attempt to reach the broker."""
    report_resend_s: _Seconds = 30.0
    """A report without acknowledgement is sent again after this time."""
    reports_in_flight: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 16
    """Messages sent and not yet acknowledged."""
    outbox_max_bytes: Annotated[int, msgspec.Meta(ge=131_072)] = 16 << 20
    """Size of the outbox on the disk; beyond it samples are dropped, then neighbouring windows merged."""
    predictions_kept: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 10_000
    """Predictions of each version that wait for their labels."""
    preparation_timeout_s: _Seconds = 1800.0
    """Longest time to fetch, verify and test one assignment."""
    preparation_attempts: _Count = 5
    """Attempts after a network, disk or clock fault before the action is ``failed``."""
    activation_attempts: _Count = 3
    """Starts of the process with an uncommitted bundle before it is rolled back."""
    probation_rows: _Count = 1000
    """A new bundle is committed after this many rows without fault ..."""
    probation_s: _Seconds = 600.0
    """... or after this time, whichever comes first."""

    def __post_init__(self) -> None:
        """Refuse windows that would lie differently from day to day, and thus from device to device."""
        window_ms = self.window_s * 1000
        if window_ms != int(window_ms) or (DAY_MS % window_ms and window_ms % DAY_MS):
            raise ValueError(f"window_s of {self.window_s:g}: a window divides a day, or is whole days")


def read_settings(state_dir: Path) -> Settings:
    """Read the settings of an enrolled device.

    Raises:
        SettingsError: The folder holds no enrolled device, or the file is malformed.
    """
    path = state_dir / FILE_NAME
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), Settings)
    except FileNotFoundError:
        raise SettingsError(f"{state_dir} holds no enrolled device; run `leeway-agent enroll` first") from None
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise SettingsError(f"{path}: {error}") from error


def changed(settings: Settings, **values: float) -> Settings:
    """Return the settings with some values of the command line instead.

    Raises:
        SettingsError: A value is out of its bounds.
    """
    try:
        return msgspec.convert(msgspec.structs.asdict(settings) | values, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(f"cannot use these settings: {error}") from error


def first_settings(settings: Settings) -> bytes:
    """Return the file that enrolment writes: only what has no default."""
    names = [field.name for field in msgspec.structs.fields(Settings) if field.required]
    # A JSON string or number is also a TOML one.
    return "".join(f"{name} = {json.dumps(getattr(settings, name))}\n" for name in names).encode()
