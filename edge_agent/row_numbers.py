"""The numbers of rows: a label that comes days later names its row by one.

Numbers rise from 1 and none is given twice, whatever happens to the process or to the power.
They lie in a small file that is mapped into memory: writing one costs no system call, and the
kernel keeps it when the process is killed. What a power cut takes is what was not on the disk
yet; after one the numbers go on ``SKIP`` higher.
"""

import mmap
import os
import struct
from pathlib import Path
from typing import Final

FILE_NAME: Final = "row-numbers"
SKIP: Final = 1 << 20
"""More rows than a device scores before the kernel brings a changed page to the disk (half a minute)."""

_LAYOUT: Final = struct.Struct("<8sQQ36s")
_COUNTS: Final = struct.Struct("<QQ")
_COUNTS_AT: Final = 8
_MAGIC: Final = b"LEEWAYRN"
_ENDED: Final = b"ended".ljust(36)
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class RowNumbers:
    """Gives each scored row its number, and counts them.

    Args:
        state_dir: The folder that it lies in; it is made if missing.

    Attributes:
        last: The number of the last row.
        scored: Rows scored since enrolment.

    Raises:
        OSError: The file cannot be made or read.
    """

    def __init__(self, state_dir: Path) -> None:
        self._map = map_file(state_dir / FILE_NAME, _LAYOUT.size)
        magic, last, scored, running = _LAYOUT.unpack_from(self._map)
        self.last: int = last
        self.scored: int = scored
        machine = _machine()
        if magic != _MAGIC:
            self.last = self.scored = 0
        elif running not in {_ENDED, machine}:
            self.last += SKIP
        _LAYOUT.pack_into(self._map, 0, _MAGIC, self.last, self.scored, machine)
        self._map.flush()

    def next(self) -> int:
        """Return the number of the row that has just been scored."""
        self.last += 1
        self.scored += 1
        _COUNTS.pack_into(self._map, _COUNTS_AT, self.last, self.scored)
        return self.last

    def close(self) -> None:
        """Bring the numbers to the disk: the next start goes on without a gap."""
        _LAYOUT.pack_into(self._map, 0, _MAGIC, self.last, self.scored, _ENDED)
        self._map.flush()
        self._map.close()


def map_file(path: Path, size_bytes: int) -> mmap.mmap:
    """Map a file of a fixed size, made of zeros if it is missing or of another size.

    Its blocks are taken at once: a write to a mapped page that the full disk has no block for
    would end the process.

    Raises:
        OSError: It cannot be made or read.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.fstat(descriptor).st_size != size_bytes:
            os.ftruncate(descriptor, 0)
            os.posix_fallocate(descriptor, 0, size_bytes)
        return mmap.mmap(descriptor, size_bytes)
    finally:
        os.close(descriptor)


def _machine() -> bytes:
    """Return what is the same until the machine starts anew; where nothing tells, never the same."""
    try:
        return _BOOT_ID.read_bytes().strip()[:36].ljust(36)
    except OSError:
        return b"unknown".ljust(18) + os.urandom(9).hex().encode()
