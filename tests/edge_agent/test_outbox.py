"""The outbox: nothing kept is lost, nothing is counted twice."""

import resource
import signal
import subprocess
import sys
import textwrap
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from device_contract.baseline import Baseline
from device_contract.codec import decode, encode
from device_contract.feedback import Feedback, LabelledRow
from device_contract.messages import Ack, Report
from device_contract.samples import Sample, SampledRow
from device_contract.sketches import RowSummarizer, decode_summary, encode_summary
from edge_agent.counters import Counters
from edge_agent.outbox import MAX_IN_MEMORY, Outbox
from edge_agent.spool import KINDS
from tests.edge_agent.bundles import baseline
from tests.support.messages import make_feedback, make_report, make_sample

BOOT = "00112233445566aa"
REFERENCE = baseline()
BIG = 1 << 30


def report(sequence: int, rows: int = 5, version: str = "1.0", boot: str = BOOT) -> Report:
    summarizer = RowSummarizer(REFERENCE)
    for n in range(rows):
        summarizer.update(array("f", (0.5, n)), array("d", (1.0,)))
    return make_report(
        "pump-7",
        boot_id=boot,
        sequence=sequence,
        version=version,
        window_start_ms=sequence * 1000,
        window_end_ms=sequence * 1000 + 1000,
        rows=rows,
        summary=encode_summary(summarizer.take(), REFERENCE),
    )


def sample(sequence: int, rows: int = 20) -> Sample:
    row = SampledRow(row=1, time_ms=1, values=bytes(8), outputs=bytes(8))
    return make_sample("pump-7", boot_id=BOOT, sequence=sequence, rows=(row,) * rows)


def feedback(sequence: int, labels: int = 1) -> Feedback:
    label = LabelledRow(row=1, time_ms=None, outputs=b"", label=1.0)
    return make_feedback("pump-7", boot_id=BOOT, sequence=sequence, labels=(label,) * labels)


def open_outbox(folder: Path, max_bytes: int = BIG, reference: Baseline | None = REFERENCE) -> tuple[Outbox, Counters]:
    counters = Counters(lambda: 0.0)
    return Outbox(folder, max_bytes, lambda _sha256: reference, counters), counters


def waiting(outbox: Outbox) -> list[Report]:
    return [decode(data, Report) for kind, data in outbox.due(0.0, 0.0, 10_000) if kind == "report"]


def sequences(outbox: Outbox) -> list[tuple[str, int]]:
    due = outbox.due(0.0, 0.0, 10_000)
    return [(kind, decode(data, KINDS[kind]).sequence) for kind, data in due]


def test_reports_come_out_in_order_and_leave_with_the_ack(tmp_path: Path) -> None:
    outbox, _ = open_outbox(tmp_path)
    for sequence in range(5):
        outbox.add(report(sequence))
    assert [found.sequence for found in waiting(outbox)] == [0, 1, 2, 3, 4]
    assert outbox.acknowledge(Ack(boot_id=BOOT, sequences=(1, 3, 99))) == 2
    assert outbox.acknowledge(Ack(boot_id="f" * 16, sequences=(0,))) == 0
    assert [found.sequence for found in waiting(outbox)] == [0, 2, 4]
    assert len(list(tmp_path.iterdir())) == 3


def test_a_report_is_sent_again_only_after_its_time_or_a_new_connection(tmp_path: Path) -> None:
    outbox, counters = open_outbox(tmp_path)
    outbox.add(report(0))
    assert len(outbox.due(0.0, 30.0, 16)) == 1
    assert outbox.due(29.0, 30.0, 16) == []
    assert len(outbox.due(30.0, 30.0, 16)) == 1
    assert counters.snapshot() == {"reports_resent": 1}
    outbox.forget_sent()
    assert len(outbox.due(31.0, 30.0, 16)) == 1


def test_no_more_in_flight_than_the_limit(tmp_path: Path) -> None:
    outbox, _ = open_outbox(tmp_path)
    for sequence in range(10):
        outbox.add(report(sequence))
    assert len(outbox.due(0.0, 30.0, 4)) == 4
    assert outbox.due(1.0, 30.0, 4) == []


def test_a_new_process_finds_what_was_kept(tmp_path: Path) -> None:
    first, _ = open_outbox(tmp_path)
    first.add(report(0))
    second, _ = open_outbox(tmp_path)
    second.add(report(0, boot="f" * 16))
    third, _ = open_outbox(tmp_path)
    assert [(found.boot_id, found.sequence) for found in waiting(third)] == [(BOOT, 0), ("f" * 16, 0)]


def test_a_full_outbox_merges_neighbours_and_keeps_every_row(tmp_path: Path) -> None:
    room = 8 * len(encode(report(9)))
    outbox, counters = open_outbox(tmp_path, max_bytes=room)
    for sequence in range(40):
        outbox.add(report(sequence))
    found = waiting(outbox)
    assert sum(one.rows for one in found) == 200
    assert sum(one.merged_windows for one in found) == 40
    assert sum(decode_summary(one.summary, REFERENCE).rows for one in found) == 200
    assert (found[0].window_start_ms, found[-1].window_end_ms) == (0, 40_000)
    assert max(one.merged_windows for one in found) <= 16
    assert counters.snapshot()["reports_merged"] == 40 - len(found)
    reopened, _ = open_outbox(tmp_path, max_bytes=room)
    assert [one.sequence for one in waiting(reopened)] == [one.sequence for one in found]


def test_a_report_that_was_sent_is_never_merged(tmp_path: Path) -> None:
    outbox, counters = open_outbox(tmp_path, max_bytes=1)
    first, second = report(0), report(1)
    outbox.add(first)
    assert counters.snapshot() == {"reports_dropped": 1}
    outbox, counters = open_outbox(tmp_path / "other")
    outbox.add(first)
    waiting(outbox)
    outbox._max_bytes = 1
    outbox.add(second)
    assert counters.snapshot() == {"reports_dropped": 2}


@pytest.mark.parametrize("reference", [REFERENCE, None], ids=["other version", "no baseline"])
def test_what_cannot_be_merged_is_dropped_oldest_first(tmp_path: Path, reference: Baseline | None) -> None:
    outbox, counters = open_outbox(tmp_path, max_bytes=900, reference=reference)
    for sequence in range(30):
        outbox.add(report(sequence, version=f"1.{sequence}" if reference else "1.0"))
    assert waiting(outbox)[-1].sequence == 29
    assert counters.snapshot()["reports_dropped"] == 30 - len(outbox)


def test_a_merge_that_was_cut_short_is_not_counted_twice(tmp_path: Path) -> None:
    outbox, _ = open_outbox(tmp_path)
    for sequence in range(2):
        outbox.add(report(sequence))
    parts = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    outbox._max_bytes = max(map(len, parts.values())) + 10
    outbox._shrink()
    assert [one.rows for one in waiting(outbox)] == [10]
    for name, data in parts.items():  # as if killed between writing the merged file and deleting its parts
        (tmp_path / name).write_bytes(data)
    reopened, _ = open_outbox(tmp_path)
    assert [one.rows for one in waiting(reopened)] == [10]
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("data", [b"", b"rubbish", b"\x90", b"\xff" * 200_000], ids=["empty", "text", "short", "big"])
@pytest.mark.parametrize("ending", ["report", "report.sent", "sample", "feedback", "letter", "report.twice"])
def test_files_that_are_no_messages_are_deleted_and_counted(tmp_path: Path, data: bytes, ending: str) -> None:
    (tmp_path / f"000000000000-000000000000.{ending}").write_bytes(data)
    outbox, counters = open_outbox(tmp_path)
    assert (len(outbox), counters.snapshot()) == (0, {"reports_unreadable": 1})


def test_samples_and_labels_wait_behind_reports_and_leave_with_the_same_acks(tmp_path: Path) -> None:
    first, _ = open_outbox(tmp_path)
    for message in (sample(0), feedback(1), report(2), sample(3), report(4)):
        first.add(message)
    outbox, _ = open_outbox(tmp_path)
    assert sequences(outbox) == [("report", 2), ("report", 4), ("feedback", 1), ("sample", 0), ("sample", 3)]
    assert (len(outbox), outbox.reports) == (5, 2)
    assert outbox.acknowledge(Ack(boot_id=BOOT, sequences=(0, 1, 2))) == 3
    assert sequences(open_outbox(tmp_path)[0]) == [("report", 4), ("sample", 3)]


def test_samples_that_a_server_never_acknowledges_hold_nothing_up(tmp_path: Path) -> None:
    outbox, _ = open_outbox(tmp_path)
    for sequence in range(5):
        outbox.add(sample(sequence))
    outbox.due(0.0, 30.0, 4)
    outbox.add(report(9))
    assert [kind for kind, _ in outbox.due(1.0, 30.0, 4)] == ["report"]


def test_a_full_outbox_drops_samples_before_it_merges(tmp_path: Path) -> None:
    outbox, counters = open_outbox(tmp_path, max_bytes=4 * len(encode(report(9))))
    for sequence in range(4):
        outbox.add(report(2 * sequence))
        outbox.add(sample(2 * sequence + 1, rows=4))
    assert {kind for kind, _ in sequences(outbox)} == {"report"}
    assert counters.snapshot() == {"samples_dropped": 4}
    assert sum(one.rows for one in waiting(outbox)) == 20


def test_labels_between_merged_reports_are_kept_and_found_again(tmp_path: Path) -> None:
    outbox, counters = open_outbox(tmp_path)
    for sequence in range(0, 8, 2):
        outbox.add(report(sequence))
        outbox.add(feedback(sequence + 1))
    outbox._max_bytes = sum(entry.size_bytes for entry in outbox._entries) - 1
    outbox._shrink()
    outbox.add(feedback(8))
    assert counters.snapshot()["reports_merged"] >= 1
    kept = sequences(outbox)
    reopened, _ = open_outbox(tmp_path)
    assert sequences(reopened) == kept
    assert [sequence for kind, sequence in sequences(reopened) if kind == "feedback"] == [1, 3, 5, 7, 8]
    assert sum(one.rows for one in waiting(reopened)) == 20


def test_labels_go_only_when_nothing_else_can(tmp_path: Path) -> None:
    outbox, counters = open_outbox(tmp_path, max_bytes=600)
    for sequence in range(30):
        outbox.add(feedback(sequence, labels=20))
    assert sequences(outbox)[-1] == ("feedback", 29)
    assert counters.snapshot()["feedback_dropped"] == 30 - len(outbox)


@pytest.fixture
def full_disk() -> Iterator[Callable[[], None]]:
    """No file may grow: what a full disk does, for this process alone."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_keeps_reports_in_memory_for_later(tmp_path: Path, full_disk: Callable[[], None]) -> None:
    outbox, counters = open_outbox(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    full_disk()
    for sequence in range(3):
        outbox.add(report(sequence))
    assert counters.snapshot() == {"outbox_write_errors": 3}
    assert list(tmp_path.iterdir()) == []
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    outbox.write_waiting()
    assert [one.sequence for one in waiting(open_outbox(tmp_path)[0])] == [0, 1, 2]


def test_a_full_disk_bounds_the_memory(tmp_path: Path, full_disk: Callable[[], None]) -> None:
    outbox, counters = open_outbox(tmp_path)
    full_disk()
    for sequence in range(3 * MAX_IN_MEMORY):
        outbox.add(report(sequence))
    assert len(outbox) == MAX_IN_MEMORY
    assert sum(one.rows for one in waiting(outbox)) == 5 * 3 * MAX_IN_MEMORY
    assert counters.snapshot()["reports_merged"] == 2 * MAX_IN_MEMORY


@pytest.mark.slow
def test_a_killed_process_loses_nothing_that_was_kept(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from tests.edge_agent.test_outbox import open_outbox, report
        outbox, _ = open_outbox(Path(sys.argv[1]), max_bytes=6000)
        for sequence in range(10_000):
            outbox.add(report(sequence))
            print(sequence, flush=True)
        """
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    last = -1
    while last < 60:
        last = int(process.stdout.readline())
    process.kill()
    told = process.stdout.read().split()
    process.wait()
    process.stdout.close()
    last = int(told[-1]) if told else last
    found = waiting(open_outbox(tmp_path)[0])
    assert sum(one.merged_windows for one in found) in {last + 1, last + 2}
    assert sum(one.rows for one in found) == 5 * sum(one.merged_windows for one in found)
