"""The last predictions, so that a label that comes later finds what was predicted.

A ring for each model and version: a file of fixed size, mapped into memory, in which row ``n``
lies at place ``n % capacity``. It outlives the process, and an update: labels for what the
former version said still find their pair.
"""

import array
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_agent.counters import Counters
from edge_agent.row_numbers import RowNumbers, map_file

MAX_RING_BYTES: Final = 4 << 20
RINGS_KEPT: Final = 3
_SUFFIX: Final = ".ring"
_PLACE: Final = struct.Struct("<Qq")
"""Row number, event time (Unix milliseconds); the outputs follow, float64. An empty place is row 0."""


@dataclass(frozen=True)
class Prediction:
    """What a model said of one row.

    Attributes:
        model: Its model.
        version: The model's version.
        row: The row's number.
        time_ms: Its event time, Unix milliseconds.
        outputs: float64 (n_outputs,), little-endian.
    """

    model: str
    version: str
    row: int
    time_ms: int
    outputs: bytes


class Ring:
    """The last predictions of one version.

    Args:
        path: ``{model}@{version}@{n_outputs}.ring``.
        capacity: Rows that it holds; fewer where they would take more than ``MAX_RING_BYTES``.

    Raises:
        OSError: The file cannot be made or read.
    """

    def __init__(self, path: Path, capacity: int) -> None:
        self.model, self.version, width = path.name.removesuffix(_SUFFIX).split("@")
        self._size = _PLACE.size + 8 * int(width)
        self._capacity = max(1, min(capacity, MAX_RING_BYTES // self._size))
        self._map = map_file(path, self._capacity * self._size)

    def keep(self, row: int, time_ms: int, outputs: "array.array[float]") -> None:
        """Keep a prediction in the place of the one that is ``capacity`` rows older."""
        at = row % self._capacity * self._size
        # In one step: another thread may be looking for a row.
        self._map[at : at + self._size] = _PLACE.pack(row, time_ms) + outputs.tobytes()

    def find(self, row: int) -> Prediction | None:
        """Return what was said of a row, if it is still here."""
        found = self._read(row % self._capacity * self._size)
        return found if found.row == row else None

    def find_at(self, time_ms: int) -> Prediction | None:
        """Return what was said of the first row found with this event time."""
        for at in range(0, len(self._map), self._size):
            if _PLACE.unpack_from(self._map, at)[1] == time_ms:
                found = self._read(at)
                if found.row and found.time_ms == time_ms:
                    return found
        return None

    def _read(self, at: int) -> Prediction:
        entry = self._map[at : at + self._size]
        row, time_ms = _PLACE.unpack_from(entry)
        return Prediction(self.model, self.version, row, time_ms, entry[_PLACE.size :])


class Predictions:
    """The rows of a device: their numbers, and what was said of the last ones.

    Where the disk refuses a ring, labels come without their predictions, and that is counted.

    Args:
        state_dir: Numbers and rings lie there.
        capacity: Rows that each ring holds.
        counters: What goes wrong.

    Attributes:
        numbers: Gives the rows their numbers.

    Raises:
        OSError: The numbers cannot be kept.
    """

    def __init__(self, state_dir: Path, capacity: int, counters: Counters) -> None:
        self.numbers = RowNumbers(state_dir)
        self._folder = state_dir / "predictions"
        self._capacity = capacity
        self._counters = counters
        self._rings: dict[str, Ring] = {}
        for path in self._newest():
            self._open(path)

    def ring(self, model: str, version: str, n_outputs: int) -> Ring | None:
        """Return the ring of a version that scores from now on; the rings of the oldest ones go."""
        path = self._folder / f"{model}@{version}@{n_outputs}{_SUFFIX}"
        ring = self._rings.get(path.name) or self._open(path)
        try:
            path.touch()
            for old in self._newest()[RINGS_KEPT:]:
                self._rings.pop(old.name, None)
                old.unlink()
        except OSError as error:
            self._counters.add("predictions_unkept", f"{self._folder}: {error.strerror}")
        return ring

    def find(self, row: int | None, time_ms: int | None) -> Prediction | None:
        """Return what was predicted for a row, by its number if there is one, else by its time."""
        for ring in list(self._rings.values()):
            found = ring.find(row) if row is not None else ring.find_at(time_ms) if time_ms is not None else None
            if found is not None:
                return found
        return None

    def _open(self, path: Path) -> Ring | None:
        try:
            self._folder.mkdir(exist_ok=True)
            ring = self._rings[path.name] = Ring(path, self._capacity)
        except (OSError, ValueError) as error:
            self._counters.add("predictions_unkept", f"{path}: {error}")
            return None
        return ring

    def _newest(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{_SUFFIX}"), key=_age) if self._folder.is_dir() else []


def _age(path: Path) -> float:
    return -path.stat().st_mtime
