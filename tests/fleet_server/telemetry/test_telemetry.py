"""Reports into the database and out again, on SQLite and PostgreSQL."""

from array import array
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from device_contract.baseline import Baseline
from device_contract.codec import decode
from device_contract.messages import Ack, Report
from device_contract.sketches import RowSummarizer, decode_summary, encode_summary
from device_contract.topics import down
from fleet_server.broker.acknowledge import MAX_ACK_SEQUENCES
from fleet_server.broker.ingest import Inbound, Outbound
from fleet_server.db import Database
from fleet_server.errors import NotFoundError
from fleet_server.telemetry.admission import MAX_AHEAD_MS
from fleet_server.telemetry.service import PRUNED_REPORTS, TelemetryService
from tests.support.bundles import make_baseline

BOOT = "0123456789abcdef"
HOUR_MS = 3_600_000
BASELINE_SHA256 = "b" * 64
BUNDLES = {"power": "a" * 64, "other": "d" * 64}
BASELINE = make_baseline(["temperature"], ["power"])


class Catalogue:
    """The baseline, and the two bundles with it, that the tests' server knows."""

    def origin(self, sha256: str) -> tuple[str, str, str] | None:
        return next(((model, "1", BASELINE_SHA256) for model, own in BUNDLES.items() if own == sha256), None)

    def baseline(self, sha256: str) -> Baseline | None:
        return BASELINE if sha256 == BASELINE_SHA256 else None


@dataclass
class Room:
    """The telemetry, and the transaction that its ingest needs."""

    database: Database
    clock: Any
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self.service = TelemetryService(self.database, Catalogue(), self.clock, registry=self.registry)

    def ingest(self, *reports: Report) -> list[Outbound]:
        with self.database.session() as session:
            return self.service.ingest_reports(session, [Inbound(report.device_id, report) for report in reports])

    def counted(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


@pytest.fixture
def room(database: Database, clock: Any) -> Room:
    return Room(database, clock)


def summary_of(*values: float) -> bytes:
    summarizer = RowSummarizer(BASELINE)
    for value in values:
        summarizer.update(array("f", [value]), array("d", [2 * value]))
    return encode_summary(summarizer.take(), BASELINE)


def report(sequence: int = 1, *, model: str = "power", **changes: Any) -> Report:
    made = Report(
        device_id="turbine-1",
        boot_id=BOOT,
        sequence=sequence,
        slot="champion",
        model=model,
        version="1",
        bundle_sha256=BUNDLES[model],
        baseline_sha256=BASELINE_SHA256,
        window_start_ms=sequence * HOUR_MS,
        window_end_ms=(sequence + 1) * HOUR_MS,
        merged_windows=1,
        rows=3,
        summary=summary_of(0.25, 0.5, 0.75),
    )
    return msgspec.structs.replace(made, **changes)


def acknowledged(outbound: list[Outbound]) -> list[int]:
    return [sequence for message in outbound for sequence in decode(message.payload, Ack).sequences]


def test_a_report_is_stored_acknowledged_and_read_back_as_it_came(room: Room, clock: Any) -> None:
    sent = report(7)
    (answer,) = room.ingest(sent)
    assert answer == Outbound(down("turbine-1", "ack"), answer.payload, retain=False)
    assert decode(answer.payload, Ack) == Ack(boot_id=BOOT, sequences=(7,))
    (row,) = room.service.windows_after(0, limit=10)
    assert {name: getattr(row, name) for name in sent.__struct_fields__ if name != "schema_version"} == {
        name: value for name, value in msgspec.structs.asdict(sent).items() if name != "schema_version"
    }
    assert (row.ordinal, row.received_ms) == (1, clock())
    assert room.service.summary(row) == decode_summary(sent.summary, BASELINE)


def test_a_repeated_report_is_acknowledged_and_counted_once(room: Room) -> None:
    for _ in range(3):
        assert acknowledged(room.ingest(report(1))) == [1]
    assert acknowledged(room.ingest(report(2), report(2), report(1))) == [2, 2, 1]
    totals = room.service.totals("turbine-1")
    assert (totals.reports_ingested, totals.rows_scored) == (2, 6)
    assert room.counted("leeway_reports_stored_total") == 2
    assert room.counted("leeway_reports_repeated_total") == 4


def test_the_first_of_two_different_reports_with_one_key_stays(room: Room) -> None:
    room.ingest(report(1))
    room.ingest(report(1, model="other", rows=1, summary=summary_of(0.5)))
    assert [row.model for row in room.service.windows_after(0, limit=10)] == ["power"]


def test_a_new_boot_starts_its_sequence_again(room: Room) -> None:
    answers = room.ingest(report(1), report(1, boot_id="f" * 16), report(1, device_id="turbine-2"))
    assert [message.topic for message in answers] == [down("turbine-1", "ack")] * 2 + [down("turbine-2", "ack")]
    assert len(room.service.windows_after(0, limit=10)) == 3


def test_an_acknowledgement_names_a_bounded_number_of_reports(room: Room) -> None:
    reports = [report(sequence) for sequence in range(MAX_ACK_SEQUENCES + 1)]
    answers = room.ingest(*reports)
    assert [len(decode(message.payload, Ack).sequences) for message in answers] == [MAX_ACK_SEQUENCES, 1]
    assert room.service.totals("turbine-1").reports_ingested == MAX_ACK_SEQUENCES + 1


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("empty_window", {"window_end_ms": HOUR_MS}),
        ("empty_window", {"window_start_ms": 9 * HOUR_MS}),
        ("future_window", {"window_end_ms": 1_700_000_000_000 + MAX_AHEAD_MS + 1}),
        ("future_window", {"window_end_ms": 2**53}),
        ("unknown_bundle", {"bundle_sha256": "c" * 64}),
        ("wrong_bundle", {"bundle_sha256": BUNDLES["other"]}),
        ("wrong_bundle", {"version": "2"}),
        ("wrong_bundle", {"baseline_sha256": "c" * 64}),
        ("malformed_summary", {"summary": b""}),
        ("malformed_summary", {"summary": summary_of(0.5) + b"\0"}),
        ("wrong_rows", {"rows": 4}),
    ],
)
def test_an_unsound_report_is_counted_and_acknowledged_but_not_stored(
    room: Room, reason: str, changes: dict[str, Any]
) -> None:
    assert sorted(acknowledged(room.ingest(report(1, **changes), report(2)))) == [1, 2]
    assert [row.sequence for row in room.service.windows_after(0, limit=10)] == [2]
    assert room.counted("leeway_reports_refused_total", reason=reason) == 1
    assert room.service.totals("turbine-1").reports_ingested == 1
    (refusal,) = room.service.refusals("turbine-1")
    assert (refusal.reason, refusal.reports, refusal.sequence) == (reason, 1, 1)


def test_refusals_are_counted_by_device_and_reason_with_the_last_case(room: Room, clock: Any) -> None:
    room.ingest(report(1, rows=4), report(2, rows=4), report(3, rows=4, device_id="turbine-2"))
    clock.advance(60)
    room.ingest(report(4, rows=5), report(5, summary=b""))
    found = {refusal.reason: refusal for refusal in room.service.refusals("turbine-1")}
    assert list(found) == ["malformed_summary", "wrong_rows"]
    last = found["wrong_rows"]
    assert (last.reports, last.sequence, last.window_start_ms) == (3, 4, 4 * HOUR_MS)
    assert (last.first_ms, last.last_ms) == (clock() - 60_000, clock())
    assert last.detail == "5 rows in the report, 3 in its statistics"


def test_a_window_that_ends_within_a_day_from_now_is_stored(room: Room, clock: Any) -> None:
    room.ingest(report(1, window_end_ms=clock() + MAX_AHEAD_MS))
    assert len(room.service.windows_after(0, limit=10)) == 1


def test_a_cursor_sees_every_report_once_whatever_arrives_meanwhile(room: Room) -> None:
    seen: list[int] = []
    last, sequences = 0, count(1)
    for size in (3, 0, 1, 5, 2):
        room.ingest(*[report(next(sequences)) for _ in range(size)], report(1))
        while page := room.service.windows_after(last, limit=2):
            seen += [row.sequence for row in page]
            last = page[-1].ordinal
    assert seen == list(range(1, 12))


def test_a_batch_that_is_rolled_back_leaves_nothing(room: Room) -> None:
    with room.database.session() as session:
        room.service.ingest_reports(session, [Inbound("turbine-1", report(1))])
        session.rollback()
    assert room.service.windows_after(0, limit=10) == []
    assert room.service.totals("turbine-1").reports_ingested == 0
    room.ingest(report(1))
    assert room.service.totals("turbine-1").reports_ingested == 1


def test_windows_come_in_order_of_event_time(room: Room) -> None:
    room.ingest(report(3), report(1), report(5, model="other"), report(2), report(4))
    rows = room.service.windows("turbine-1", "power", since_ms=2 * HOUR_MS, until_ms=4 * HOUR_MS)
    assert [row.sequence for row in rows] == [2, 3]


def test_the_latest_windows_come_last_arrived_first_and_in_pages(room: Room) -> None:
    room.ingest(report(1), report(2, model="other"), report(3), report(4))
    first = room.service.latest("turbine-1", model="power", limit=2)
    rest = room.service.latest("turbine-1", model="power", limit=2, before=first[-1].ordinal)
    assert [row.sequence for row in (*first, *rest)] == [4, 3, 1]
    assert len(room.service.latest("turbine-1", limit=9)) == 4


def test_totals_leave_the_shadow_out_and_keep_the_latest_window(room: Room, clock: Any) -> None:
    room.ingest(report(5), report(2, slot="fallback"), report(3, slot="shadow"))
    totals = room.service.totals("turbine-1")
    assert (totals.rows_scored, totals.reports_ingested) == (6, 3)
    assert (totals.last_window_end_ms, totals.last_received_ms) == (6 * HOUR_MS, clock())


def test_a_device_without_reports_has_totals_of_zero(room: Room) -> None:
    totals = room.service.totals("turbine-9")
    assert (totals.rows_scored, totals.reports_ingested, totals.last_window_end_ms) == (0, 0, 0)


def test_a_stored_report_whose_baseline_is_gone_says_so(room: Room) -> None:
    room.ingest(report(1))
    (row,) = room.service.windows_after(0, limit=1)
    row.baseline_sha256 = "c" * 64
    with pytest.raises(NotFoundError, match="no baseline cccccccccccc"):
        room.service.summary(row)


def test_old_reports_are_pruned_and_the_ordinals_go_on(room: Room, clock: Any) -> None:
    room.ingest(report(1), report(2), report(3))
    clock.advance(3600)
    room.ingest(report(4))
    assert room.service.prune(clock(), up_to_ordinal=2) == 2
    assert [row.sequence for row in room.service.windows_after(0, limit=10)] == [3, 4]
    assert room.service.prune(clock() + 1, up_to_ordinal=9) == 1
    room.ingest(report(5))
    assert [(row.ordinal, row.sequence) for row in room.service.windows_after(0, limit=10)] == [(4, 4), (5, 5)]
    assert room.service.totals("turbine-1").reports_ingested == 5


def test_what_is_pruned_comes_in_batches(room: Room, clock: Any) -> None:
    room.ingest(*[report(sequence) for sequence in range(PRUNED_REPORTS + 3)])
    sizes = [room.service.prune(clock() + 1, up_to_ordinal=2**53) for _ in range(3)]
    assert sizes == [PRUNED_REPORTS, 2, 0]
