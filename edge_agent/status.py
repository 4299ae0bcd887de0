"""``status.json``: the last Status on the disk, for ``leeway-agent status``."""

import fcntl
import os
from pathlib import Path
from typing import Any, Final

import msgspec

from device_contract.canonical import canonical_json
from device_contract.messages import Status
from edge_agent.errors import ModelError, SettingsError
from edge_agent.settings import Settings
from edge_agent.update.journal import Journal

FILE_NAME: Final = "status.json"


def write_status(state_dir: Path, status: Status, *, is_connected: bool) -> None:
    """Write the last Status; it is told again soon, so a full disk is no reason to stop."""
    values = msgspec.structs.asdict(status)
    values["slots"] = [msgspec.structs.asdict(slot) for slot in status.slots]
    values["connected"] = is_connected
    temporary = state_dir / f".{FILE_NAME}.tmp"
    try:
        temporary.write_bytes(canonical_json(values))
        temporary.replace(state_dir / FILE_NAME)
    except OSError:
        temporary.unlink(missing_ok=True)


def read_status(state_dir: Path) -> dict[str, Any]:
    """Return the last Status that the agent wrote; empty before the first."""
    try:
        values = msgspec.json.decode((state_dir / FILE_NAME).read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return values


def describe(state_dir: Path, settings: Settings) -> dict[str, Any]:
    """Return what there is to say of a state folder, whether its agent runs or not.

    Raises:
        StateError: The journal is damaged.
    """
    state = Journal(state_dir).read()
    told = read_status(state_dir)
    return {
        "device_id": settings.device_id,
        "profile": settings.profile,
        "running": is_running(state_dir),
        "connected": bool(told.get("connected")) and is_running(state_dir),
        "phase": state.phase,
        "action_id": state.action_id,
        "assignment_sequence": state.accepted_sequence,
        "reason_code": state.reason_code,
        "detail": state.detail,
        "slots": [msgspec.structs.asdict(slot) for slot in state.committed],
        "candidate": [msgspec.structs.asdict(slot) for slot in state.candidate],
        "rows_scored": told.get("rows_scored", 0),
        "outbox_reports": len(list((state_dir / "outbox").glob("[0-9]*-[0-9]*.report*"))),
        "counters": told.get("counters", {}),
    }


def is_running(state_dir: Path) -> bool:
    """Tell whether an agent holds the folder's lock.

    Raises:
        SettingsError: The lock file cannot be opened.
    """
    try:
        descriptor = os.open(state_dir / "agent.lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise SettingsError(f"cannot read {state_dir}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def champion_path(state_dir: Path) -> Path:
    """Return the bundle that the device scores with.

    Raises:
        ModelError: It holds none.
        StateError: The journal is damaged.
    """
    for slot in Journal(state_dir).read().committed:
        if slot.slot == "champion":
            return state_dir / "bundles" / f"{slot.sha256}.bundle"
    raise ModelError(f"{state_dir} holds no committed model; give --bundle FILE")
