"""Which rows of a window are drawn: those with the smallest keyed hashes of their numbers. Pure.

Bottom-k: of any number of rows, ``k`` are kept, each set of ``k`` with the same chance. Neither
the values of a row nor the clock have a say, and nobody without the key can tell which will be
drawn. The rows drawn from two windows, cut to the ``k`` smallest hashes, are those that
one window of both would have drawn.

Source: E. Cohen and H. Kaplan, Summarizing data using bottom-k sketches, PODC 2007,
https://doi.org/10.1145/1281100.1281133.
"""

import array
import hashlib
import heapq
import math
import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

from device_contract.samples import MAX_SAMPLED_ROWS, SampledRow

_BLOCK_ROWS: Final = 8
_BLOCK: Final = struct.Struct(f"<{_BLOCK_ROWS}Q")
MAX_ROWS_BYTES: Final = 65_536
"""Rows of one message, so that it stays within the limit of all messages."""


class RowHashes:
    """A keyed hash of a row's number, 64 bits: one BLAKE2b gives those of eight numbers in a row.

    Args:
        key: 1 to 64 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._keyed = hashlib.blake2b(key=key, digest_size=_BLOCK.size)
        self._block = -1
        self._hashes: tuple[int, ...] = ()

    def of(self, number: int) -> int:
        """Return the hash of a number."""
        block, place = divmod(number, _BLOCK_ROWS)
        if block != self._block:
            hashed = self._keyed.copy()
            hashed.update(block.to_bytes(8, "little"))
            self._block, self._hashes = block, _BLOCK.unpack(hashed.digest())
        return self._hashes[place]


class DrawnRow(NamedTuple):
    """A row that was drawn.

    Attributes:
        number: The row's number.
        time_ms: Its event time, Unix milliseconds.
        values: float32 (n_features,).
        outputs: float64 (n_outputs,).
    """

    number: int
    time_ms: int
    values: bytes
    outputs: bytes


class RowSampler:
    """Draws rows from a window.

    Args:
        key: Of the hash.
        size: Rows that are kept at most.
    """

    def __init__(self, key: bytes, size: int) -> None:
        self._hashes = RowHashes(key)
        self._size = size
        self._heap: list[tuple[int, DrawnRow]] = []  # the largest hash first, hence the minus

    def offer(self, number: int, time_ms: int, values: "array.array[float]", outputs: "array.array[float]") -> None:
        """Take a row, if its hash is among the smallest so far.

        Args:
            number: The row's number.
            time_ms: Its event time.
            values: float32 buffer (n_features,); copied if it is kept.
            outputs: float64 buffer (n_outputs,); likewise.
        """
        rank = -self._hashes.of(number)
        if len(self._heap) < self._size:
            heapq.heappush(self._heap, (rank, DrawnRow(number, time_ms, bytes(values), bytes(outputs))))
        elif rank > self._heap[0][0]:
            heapq.heapreplace(self._heap, (rank, DrawnRow(number, time_ms, bytes(values), bytes(outputs))))

    def take(self) -> list[DrawnRow]:
        """Return what was drawn, the smallest hash first, and begin again with none."""
        drawn, self._heap = self._heap, []
        return [row for _rank, row in sorted(drawn, reverse=True)]


def redact(row: SampledRow, places: Sequence[int], n_features: int) -> SampledRow:
    """Return a row without the values of some features, and without what they contributed.

    Args:
        row: The row.
        places: The features' positions.
        n_features: Features of the model.
    """
    width = len(row.contributions) // (4 * n_features)
    values, contributions = bytearray(row.values), bytearray(row.contributions)
    for place in places:
        struct.pack_into("<f", values, 4 * place, math.nan)
        struct.pack_into(f"<{width}f", contributions, 4 * place * width, *[math.nan] * width)
    return SampledRow(
        row=row.row,
        time_ms=row.time_ms,
        values=bytes(values),
        outputs=row.outputs,
        contributions=bytes(contributions),
    )


def in_messages(rows: Sequence[SampledRow]) -> list[tuple[SampledRow, ...]]:
    """Divide rows so that those of each part fit a message; a row that fits none is left out."""
    parts: list[tuple[SampledRow, ...]] = []
    part: list[SampledRow] = []
    size_bytes = 0
    for row in rows:
        row_bytes = _size_bytes(row)
        if row_bytes > MAX_ROWS_BYTES:
            continue
        if part and (size_bytes + row_bytes > MAX_ROWS_BYTES or len(part) == MAX_SAMPLED_ROWS):
            parts.append(tuple(part))
            part, size_bytes = [], 0
        part.append(row)
        size_bytes += row_bytes
    return [*parts, tuple(part)] if part else parts


def _size_bytes(row: SampledRow) -> int:
    return len(row.values) + len(row.outputs) + len(row.contributions) + 40  # numbers and lengths at their longest
