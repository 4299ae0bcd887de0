"""Labels and windows into the database, and each label into the window that it belongs to.

Every writer locks the cursor's row first (``cursor.lock``): a label that arrives while its window is
being stored would else see no window, and the window would not see the label.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sqlmodel import Session, col, or_, select

from fleet_server.feedback.cursor import store_changed
from fleet_server.feedback.labels import Truth
from fleet_server.feedback.matching import SampledPrediction, Window, complete, inherit, match
from fleet_server.feedback.sampled import sampled_predictions
from fleet_server.feedback.sums import pack, sum_labels
from fleet_server.feedback.tables import LabelRow, TruthWindowRow
from fleet_server.feedback.target import Target

MAX_TIMELESS: Final = 500
"""Labels without a time that are tried again with each window of their device, the latest first."""

Outcome = Literal["new", "corrected", "repeated"]


@dataclass(frozen=True)
class Subject:
    """A version of a model on a device: whose rows labels are about.

    Args:
        device_id: The device.
        model: The model.
        version: Its version.
        target: What it predicts.
        rows_scored: Rows that the device has scored, as far as is known; None to trust its labels.
    """

    device_id: str
    model: str
    version: str
    target: Target
    rows_scored: int | None = None


def record(
    session: Session, subject: Subject, truths: Iterable[Truth], now_ms: int
) -> tuple[Counter[Outcome], Counter[str]]:
    """Store labels of a subject and count them where they belong; the same again changes nothing.

    Args:
        session: The transaction, locked.
        subject: Whose rows they are about.
        truths: In the order in which they were given: of two for one row the later counts.
        now_ms: The present.

    Returns:
        What became of the labels, and for which reason those that are not counted wait.
    """
    latest = {truth.key: truth for truth in truths}
    stored = _stored(session, subject, list(latest))
    outcomes: Counter[Outcome] = Counter()
    given: list[LabelRow] = []
    for key, truth in latest.items():
        row = stored.get(key)
        outcome = _outcome(row, truth)
        outcomes[outcome] += 1
        if outcome != "repeated":
            given.append(_write(session, subject, row, truth, now_ms))
    _place(session, subject, given)
    return outcomes, Counter(row.reason for row in given if row.reason)


def match_waiting(session: Session, subject: Subject, windows: Collection[Window]) -> None:
    """Try labels again for which windows, or sampled rows in them, have arrived."""
    query = select(LabelRow).where(*_of(subject), col(LabelRow.reason) != "")
    time_ms = col(LabelRow.time_ms)
    spans = [time_ms.between(window.start_ms, window.end_ms - 1) for window in windows]
    waiting = [*session.exec(query.where(or_(*spans)))]
    waiting += session.exec(query.where(time_ms.is_(None)).order_by(col(LabelRow.row).desc()).limit(MAX_TIMELESS))
    _place(session, subject, waiting)


def truth_of(row: LabelRow) -> Truth:
    """Return a stored label."""
    return Truth(row.row, row.time_ms, row.label, row.prediction, row.outputs, row.weight)


def _of(subject: Subject) -> tuple[bool, bool, bool]:
    """Select a subject's labels."""
    return (
        LabelRow.device_id == subject.device_id,
        LabelRow.model == subject.model,
        LabelRow.version == subject.version,
    )


def _stored(session: Session, subject: Subject, keys: list[str]) -> dict[str, LabelRow]:
    query = select(LabelRow).where(*_of(subject), col(LabelRow.key).in_(keys))
    return {row.key: row for row in session.exec(query)}


def _outcome(row: LabelRow | None, truth: Truth) -> Outcome:
    if row is None:
        return "new"
    before = truth_of(row)
    return "repeated" if inherit(truth, before) == before else "corrected"


def _write(session: Session, subject: Subject, row: LabelRow | None, truth: Truth, now_ms: int) -> LabelRow:
    if row is None:
        row = LabelRow(
            device_id=subject.device_id,
            model=subject.model,
            version=subject.version,
            key=truth.key,
            received_ms=now_ms,
            reason="",
            **vars(truth),
        )
        session.add(row)
        return row
    _fill(row, inherit(truth, truth_of(row)))
    row.received_ms, row.corrections = now_ms, row.corrections + 1
    return row


def _fill(row: LabelRow, truth: Truth) -> None:
    row.time_ms, row.label, row.weight = truth.time_ms, truth.label, truth.weight
    row.prediction, row.outputs = truth.prediction, truth.outputs


def _place(session: Session, subject: Subject, rows: Sequence[LabelRow]) -> None:
    """Match labels to windows, and sum again the windows that gain or lose one."""
    if not rows:
        return
    sampled = _sampled(session, subject, rows)
    completed = [complete(truth_of(row), subject.target, sampled) for row in rows]
    windows = _windows(session, subject, [truth.time_ms for truth in completed if truth.time_ms is not None])
    touched: set[Window] = set()
    for row, truth in zip(rows, completed, strict=True):
        found = match(truth, windows, subject.rows_scored)
        touched |= {window for window in (_window_of(row), found.window) if window is not None}
        _fill(row, found.truth)
        row.reason = found.reason
        row.window_start_ms, row.window_end_ms = found.window or (None, None)
    session.flush()
    for window in sorted(touched):
        _sum_again(session, subject, window)


def _sampled(session: Session, subject: Subject, rows: Iterable[LabelRow]) -> Sequence[SampledPrediction]:
    lacking = [row for row in rows if row.prediction is None or row.time_ms is None]
    numbers = {row.row for row in lacking if row.row is not None}
    times_ms = {row.time_ms for row in lacking if row.row is None and row.time_ms is not None}
    if not numbers and not times_ms:
        return ()
    sampled_by = subject.device_id, subject.model, subject.version
    return sampled_predictions(session, sampled_by, rows=numbers, times_ms=times_ms)


def _windows(session: Session, subject: Subject, times_ms: Sequence[int]) -> list[Window]:
    if not times_ms:
        return []
    start, end = col(TruthWindowRow.start_ms), col(TruthWindowRow.end_ms)
    query = select(start, end).where(
        TruthWindowRow.model == subject.model,
        TruthWindowRow.version == subject.version,
        TruthWindowRow.device_id == subject.device_id,
        start <= max(times_ms),
        end > min(times_ms),
    )
    return [Window(*found) for found in session.exec(query)]


def _window_of(row: LabelRow) -> Window | None:
    if row.window_start_ms is None or row.window_end_ms is None:
        return None
    return Window(row.window_start_ms, row.window_end_ms)


def _sum_again(session: Session, subject: Subject, window: Window) -> None:
    key = subject.model, subject.version, subject.device_id, *window
    row = session.get_one(TruthWindowRow, key)
    inside = LabelRow.window_start_ms == window.start_ms, LabelRow.window_end_ms == window.end_ms
    truths = [truth_of(label) for label in session.exec(select(LabelRow).where(*_of(subject), *inside))]
    row.labelled = len(truths)
    row.sums = pack(sum_labels(subject.target, truths)) if truths else b""
    store_changed(session, row)
