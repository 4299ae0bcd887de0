"""The outbox: reports, labels and samples wait here, on the disk, until the server has committed them.

A message is written whole (flush, rename) before it counts as kept, and leaves only
with the server's acknowledgement, so a process killed at any moment loses nothing
that was kept and counts nothing twice. Only a report that was never handed to the broker
may be merged, because the server may already have counted one that was; a merge that
was cut short leaves a file whose places lie within another's, and opening the outbox
deletes it. ``edge_agent.spool`` has the names of the files.

When the outbox is full, samples go first, oldest first: they are a luxury. Then the two
neighbouring reports of the same bundle and slot that stand for the fewest windows become
one (windows grow coarser, nothing is lost); when nothing can be merged, the oldest message
is dropped. When the disk refuses to write, messages are kept in memory, at most
``MAX_IN_MEMORY``. Each is counted.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import Final

from device_contract.baseline import Baseline
from device_contract.codec import decode, encode
from device_contract.errors import ContractError, MessageError
from device_contract.messages import Ack, Report
from edge_agent.counters import Counters
from edge_agent.spool import KINDS, Entry, Kind, Numbered, entry_of, merge_reports, read_entry, widest_first
from edge_agent.storage import write_atomically

logger = logging.getLogger(__name__)

MAX_IN_MEMORY: Final = 64
_DROPPED: Final[dict[Kind, str]] = {
    "report": "reports_dropped",
    "feedback": "feedback_dropped",
    "sample": "samples_dropped",
}


class Outbox:
    """A disk spool of messages.

    Args:
        folder: Where the files are; made if missing.
        max_bytes: Size of all messages together.
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

    @property
    def reports(self) -> int:
        """Reports that wait."""
        return sum(entry.kind == "report" for entry in self._entries)

    def add(self, message: Numbered) -> None:
        """Keep a message; when this returns it survives a kill, or waits in memory for the disk.

        Raises:
            MessageError: It is larger than any message may be.
        """
        data = encode(message)
        with self._lock:
            place = max((entry.last for entry in self._entries), default=-1) + 1
            entry = entry_of(message, place, place, len(data))
            entry.unwritten = data
            self._entries.append(entry)
            self._write(entry)
            self._shrink()

    def due(self, now_s: float, resend_s: float, limit: int) -> list[tuple[Kind, bytes]]:
        """Return the encoded messages to send now, and mark them as sent.

        Reports come first, then labels, then samples, each oldest first: a server that does
        not know samples, and acknowledges none, still gets every report.

        Args:
            now_s: Monotonic seconds.
            resend_s: A message is sent again this long after it was sent.
            limit: Messages that may be without acknowledgement at once.
        """
        with self._lock:
            by_kind = ([entry for entry in self._entries if entry.kind == kind] for kind in KINDS)
            due = [entry for entry in islice(chain.from_iterable(by_kind), limit) if _is_due(entry, now_s, resend_s)]
            return [(entry.kind, data) for entry in due if (data := self._take(entry, now_s)) is not None]

    def forget_sent(self) -> None:
        """Make every message due again: the connection that carried them has ended."""
        with self._lock:
            for entry in self._entries:
                entry.sent_s = None

    def acknowledge(self, ack: Ack) -> int:
        """Delete the messages that the server has committed; return how many there were."""
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

    def _open(self) -> list[Entry]:
        entries: list[Entry] = []
        merged_until = -1
        # Sorted by first place, the widest first: a report within the one before is a remnant of a merge.
        for path in sorted(self._folder.glob("[0-9]*-[0-9]*.*"), key=widest_first):
            entry = self._read(path)
            if entry is None or (entry.kind == "report" and entry.last <= merged_until):
                path.unlink(missing_ok=True)
                continue
            entries.append(entry)
            merged_until = entry.last if entry.kind == "report" else merged_until
        return entries

    def _read(self, path: Path) -> Entry | None:
        try:
            return read_entry(path)
        except (OSError, ValueError, MessageError) as error:
            self._counters.add("reports_unreadable", f"{path.name}: {error}")
            return None

    def _take(self, entry: Entry, now_s: float) -> bytes | None:
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

    def _mark_sent(self, entry: Entry) -> None:
        if entry.was_sent or entry.unwritten is not None:
            entry.was_sent = True
            return
        sent = replace(entry, was_sent=True)
        (self._folder / entry.file_name).rename(self._folder / sent.file_name)
        entry.was_sent = True

    def _write(self, entry: Entry) -> bool:
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
            oldest = self._oldest("sample")
            if oldest is None and self._merge_neighbours():
                continue
            dropped = oldest or self._oldest() or self._entries[0]
            self._remove(dropped)
            self._counters.add(_DROPPED[dropped.kind], f"the outbox is full; the oldest {dropped.kind} was dropped")

    def _oldest(self, kind: Kind | None = None) -> Entry | None:
        """Return the oldest message (of a kind) whose going makes room: in memory, where that is full."""
        is_memory_full = self._is_memory_full()
        return next(
            (
                entry
                for entry in self._entries
                if kind in {None, entry.kind} and (entry.unwritten is not None or not is_memory_full)
            ),
            None,
        )

    def _is_memory_full(self) -> bool:
        return sum(entry.unwritten is not None for entry in self._entries) > MAX_IN_MEMORY

    def _merge_neighbours(self) -> bool:
        """Merge the pair that stands for the fewest windows; False when no two may be merged."""
        reports = [entry for entry in self._entries if entry.kind == "report"]
        pairs = [
            (old, new)
            for old, new in pairwise(reports)
            if old.origin == new.origin and not old.was_sent and not new.was_sent
        ]
        for old, new in sorted(pairs, key=lambda pair: pair[0].windows + pair[1].windows):
            if self._merge(old, new):
                self._counters.add("reports_merged", "the outbox is full; neighbouring windows were merged")
                return True
        return False

    def _merge(self, old: Entry, new: Entry) -> bool:
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
        merged = entry_of(report, old.first, new.last, len(data))
        merged.unwritten = data
        if not self._write(merged) and (old.unwritten is None or new.unwritten is None):
            return False
        self._entries.insert(self._entries.index(old), merged)
        self._remove(old)
        self._remove(new)
        return True

    def _bytes(self, entry: Entry) -> bytes:
        return entry.unwritten if entry.unwritten is not None else (self._folder / entry.file_name).read_bytes()

    def _remove(self, entry: Entry) -> None:
        self._entries.remove(entry)
        try:
            (self._folder / entry.file_name).unlink(missing_ok=True)
        except OSError as error:  # Found again at the next start and sent again; the server knows its key.
            self._counters.add("outbox_write_errors", f"{self._folder}: {error.strerror}")


def _is_due(entry: Entry, now_s: float, resend_s: float) -> bool:
    return entry.sent_s is None or now_s - entry.sent_s >= resend_s
