"""The journal: the update machine's state, on the disk before its effects."""

from pathlib import Path

import msgspec

from device_contract.canonical import canonical_json
from edge_agent.errors import StateError
from edge_agent.storage import write_atomically
from edge_agent.update.machine import UpdateState

FILE_NAME = "journal.json"


class Journal:
    """One file in the state folder.

    Args:
        state_dir: The state folder.
    """

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / FILE_NAME

    def read(self) -> UpdateState:
        """Return the last state written; a fresh one on a device that never had an assignment.

        Raises:
            StateError: The file cannot be read or is no journal. It is not replaced by an
                empty one: it guards against the replay of old assignments.
        """
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=UpdateState)
        except FileNotFoundError:
            return UpdateState()
        except OSError as error:
            raise StateError(f"cannot read {self._path}: {error.strerror}") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise StateError(f"{self._path} is damaged ({error}); enrol the device again") from error

    def write(self, state: UpdateState) -> None:
        """Write a state; when this returns it survives a power cut.

        Raises:
            OSError: The disk is full or cannot be written; the old state stays.
        """
        write_atomically(self._path, canonical_json(state))
