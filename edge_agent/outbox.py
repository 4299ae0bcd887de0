"""The outbox: reports wait here, on the disk, until the server has committed them.

One file a report, named ``{first}-{last}.{report|sent}``. The numbers are the places in
the outbox's order that it stands for: a report that was merged out of its neighbours
stands for all of theirs. The ending tells whether the report was ever handed to the
broker: only a report that never was may be merged, because the server may already have
counted one that was.

A report is written whole (flush, rename) before it counts as kept, and leaves only
with the server's acknowledgement, so a process killed at any moment loses nothing
that was kept and counts nothing twice: a merge that was cut short leaves a file whose
places lie within another's, and opening the outbox deletes it.

When the outbox is full, the two neighbours of the same bundle and slot that stand for
the fewest windows become one (windows grow coarser, nothing is lost); when nothing can
be merged, the oldest is dropped. When the disk refuses to write, reports are kept in
memory, at most ``MAX_IN_MEMORY``. Each is counted.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

from device_contract.baseline import Baseline
from device_contract.codec import decode, encode
from device_contract.errors import ContractError, MessageError
from device_contract.messages import Ack, Report
from device_contract.sketches import decode_summary, encode_summary, merge
from edge_agent.counters import Counters
from edge_agent.storage import write_atomically

logger = logging.getLogger(__name__)

MAX_IN_MEMORY: Final = 64
Key = tuple[str, int]
"""A report's identity: boot id and sequence."""


@dataclass
class _Entry:
    first: int
    last: int
    key: Key
    kind: tuple[str, ...]
    """What must be equal for two reports to merge."""
    windows: int
    size_bytes: int
    was_sent: bool
    unwritten: bytes | None = None
    """The report itself while the disk refuses it."""
    sent_s: float | None = None

    @property
    def file_name(self) -> str:
        return f"{self.first:012d}-{self.last:012d}.{'sent' if self.was_sent else 'report'}"


class Outbox:
    """A disk spool of reports.

    Args:
        folder: Where the files are; made if missing.
        max_bytes: Size of all reports together.
        find_baseline: Gives the baseline of a digest, or None when the device no longer has it.
        counters: Where merges, drops and write errors are counted.

    Raises:
        OSError: The folder cannot be made or read.
    """

    def __init__(
        self, folder: Path, max_bytes: int, find_baseline: Callable[[str], Baseline | None], counters: Counters
    ) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._find_baseline = find_baseline
        self._counters = counters
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._entries = self._open()

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, report: Report) -> None:
        """Keep a report; when this returns it survives a kill, or waits in memory for the disk."""
        data = encode(report)
        with self._lock:
            place = self._entries[-1].last + 1 if self._entries else 0
            entry = _entry(report, place, place, len(data), was_sent=False)
            entry.unwritten = data
            self._entries.append(entry)
            self._write(entry)
            self._shrink()

    def due(self, now_s: float, resend_s: float, limit: int) -> list[tuple[Key, bytes]]:
        """Return the encoded reports to send now, oldest first, and mark them as sent.

        Args:
            now_s: Monotonic seconds.
            resend_s: A report is sent again this long after it was sent.
            limit: Reports that may be without acknowledgement at once.
        """
        with self._lock:
            due = [entry for entry in self._entries[:limit] if _is_due(entry, now_s, resend_s)]
            return [(entry.key, data) for entry in due if (data := self._take(entry, now_s)) is not None]

    def forget_sent(self) -> None:
        """Make every report due again: the connection that carried them has ended."""
        with self._lock:
            for entry in self._entries:
                entry.sent_s = None

    def acknowledge(self, ack: Ack) -> int:
        """Delete the reports that the server has committed; return how many there were."""
        keys = {(ack.boot_id, sequence) for sequence in ack.sequences}
        with self._lock:
            done = [entry for entry in self._entries if entry.key in keys]
            for entry in done:
                self._remove(entry)
        return len(done)

    def write_waiting(self) -> None:
        """Try again to write what the disk refused."""
        with self._lock:
            for entry in self._entries:
                if entry.unwritten is not None and not self._write(entry):
                    return

    def _open(self) -> list[_Entry]:
        entries: list[_Entry] = []
        # Sorted by first place, the widest first: what lies within the one before is a remnant of a merge.
        for path in sorted(self._folder.glob("[0-9]*-[0-9]*.*"), key=_widest_first):
            entry = self._read(path)
            if entry is None or (entries and entry.last <= entries[-1].last):
                path.unlink(missing_ok=True)
            else:
                entries.append(entry)
        return entries

    def _read(self, path: Path) -> _Entry | None:
        try:
            data = path.read_bytes()
            first, last = map(int, path.stem.split("-"))
            return _entry(decode(data, Report), first, last, len(data), was_sent=path.suffix == ".sent")
        except (OSError, ValueError, MessageError) as error:
            self._counters.add("reports_unreadable", f"{path.name}: {error}")
            return None

    def _take(self, entry: _Entry, now_s: float) -> bytes | None:
        """Mark an entry as sent, on the disk first, and return its bytes."""
        is_again = entry.sent_s is not None
        try:
            self._mark_sent(entry)
        except OSError as error:
            self._counters.add("outbox_write_errors", f"{self._folder}: {error.strerror}")
            return None
        entry.sent_s = now_s
        if is_again:
            self._counters.add("reports_resent")
        try:
            return self._bytes(entry)
        except OSError as error:
            self._counters.add("reports_unreadable", f"{entry.file_name}: {error}")
            self._remove(entry)
            return None

    def _mark_sent(self, entry: _Entry) -> None:
        if entry.was_sent or entry.unwritten is not None:
            entry.was_sent = True
            return
        sent = replace(entry, was_sent=True)
        (self._folder / entry.file_name).rename(self._folder / sent.file_name)
        entry.was_sent = True

    def _write(self, entry: _Entry) -> bool:
        if entry.unwritten is None:
            return True
        try:
            write_atomically(self._folder / entry.file_name, entry.unwritten)
        except OSError as error:
            self._counters.add("outbox_write_errors", f"{self._folder}: {error.strerror}")
            return False
        entry.unwritten = None
        return True

    def _shrink(self) -> None:
        while sum(entry.size_bytes for entry in self._entries) > self._max_bytes or self._is_memory_full():
            if not self._merge_neighbours():
                oldest = next((entry for entry in self._entries if entry.unwritten is not None), self._entries[0])
                self._remove(oldest if self._is_memory_full() else self._entries[0])
                self._counters.add("reports_dropped", "the outbox is full; the oldest report was dropped")

    def _is_memory_full(self) -> bool:
        return sum(entry.unwritten is not None for entry in self._entries) > MAX_IN_MEMORY

    def _merge_neighbours(self) -> bool:
        """Merge the pair that stands for the fewest windows; False when no two may be merged."""
        pairs = [
            (old, new)
            for old, new in zip(self._entries, self._entries[1:], strict=False)
            if old.kind == new.kind and not old.was_sent and not new.was_sent
        ]
        for old, new in sorted(pairs, key=lambda pair: pair[0].windows + pair[1].windows):
            if self._merge(old, new):
                self._counters.add("reports_merged", "the outbox is full; neighbouring windows were merged")
                return True
        return False

    def _merge(self, old: _Entry, new: _Entry) -> bool:
        try:
            older, newer = (decode(self._bytes(entry), Report) for entry in (old, new))
            baseline = self._find_baseline(newer.baseline_sha256)
            if baseline is None:
                return False
            report = merge_reports(older, newer, baseline)
        except (OSError, ContractError) as error:
            logger.warning("cannot merge %s and %s: %s", old.file_name, new.file_name, error)
            return False
        data = encode(report)
        merged = _entry(report, old.first, new.last, len(data), was_sent=False)
        merged.unwritten = data
        if not self._write(merged) and (old.unwritten is None or new.unwritten is None):
            return False
        self._entries.insert(self._entries.index(old), merged)
        self._remove(old)
        self._remove(new)
        return True

    def _bytes(self, entry: _Entry) -> bytes:
        return entry.unwritten if entry.unwritten is not None else (self._folder / entry.file_name).read_bytes()

    def _remove(self, entry: _Entry) -> None:
        self._entries.remove(entry)
        try:
            (self._folder / entry.file_name).unlink(missing_ok=True)
        except OSError as error:  # Found again at the next start and sent again; the server knows its key.
            self._counters.add("outbox_write_errors", f"{self._folder}: {error.strerror}")


def merge_reports(older: Report, newer: Report, baseline: Baseline) -> Report:
    """Return one report of both windows, under the newer one's key.

    Raises:
        SketchError: A summary does not belong to the baseline.
    """
    summary = merge(decode_summary(older.summary, baseline), decode_summary(newer.summary, baseline))
    return msgspec.structs.replace(
        newer,
        window_start_ms=min(older.window_start_ms, newer.window_start_ms),
        window_end_ms=max(older.window_end_ms, newer.window_end_ms),
        merged_windows=older.merged_windows + newer.merged_windows,
        rows=older.rows + newer.rows,
        summary=encode_summary(summary, baseline),
    )


def _entry(report: Report, first: int, last: int, size_bytes: int, *, was_sent: bool) -> _Entry:
    kind = (report.slot, report.model, report.version, report.bundle_sha256, report.baseline_sha256)
    return _Entry(first, last, (report.boot_id, report.sequence), kind, report.merged_windows, size_bytes, was_sent)


def _is_due(entry: _Entry, now_s: float, resend_s: float) -> bool:
    return entry.sent_s is None or now_s - entry.sent_s >= resend_s


def _widest_first(path: Path) -> tuple[int, int]:
    first, _, last = path.stem.partition("-")
    return int(first), -int(last)
