"""Each label into the window that it belongs to.

Every writer locks the cursor's row first (``cursor.lock``): a label that arrives while its window is
being stored would else see no window, and the window would not see the label.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Final, Literal

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, col, or_, select

from fleet_server.feedback.cursor import store_changed
from fleet_server.feedback.labels import Truth
from fleet_server.feedback.matching import Match, SampledPrediction, Window, complete, inherit, match
from fleet_server.feedback.sampled import sampled_predictions
from fleet_server.feedback.stored import StoredLabel, Subject, read_keyed, read_labels, write_labels
from fleet_server.feedback.sums import pack, sum_labels
from fleet_server.feedback.tables import ForgottenRow, LabelRow, TruthWindowRow

MAX_TIMELESS: Final = 500
"""Labels without a time that are looked at again with each window of their device, those of the last rows first.

Their sample alone gives them a time (``match_sampled``); a window tells whether the device has scored so far."""

Outcome = Literal["new", "corrected", "repeated"]


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
    before = {label.truth.key: label for label in read_keyed(session, subject, list(latest))}
    outcomes: Counter[Outcome] = Counter()
    given: list[StoredLabel] = []
    for key, truth in latest.items():
        outcome, label = _given(truth, before.get(key), now_ms)
        outcomes[outcome] += 1
        if outcome != "repeated":
            given.append(label)
    return outcomes, Counter(place.reason for place in _place(session, subject, given) if place.reason)


def match_waiting(session: Session, subject: Subject, windows: Collection[Window]) -> None:
    """Try labels again for which windows have arrived."""
    time_ms = col(LabelRow.time_ms)
    labels = read_labels(session, [*_waiting(subject), _within(windows)])
    labels += read_labels(session, [*_waiting(subject), time_ms.is_(None)], newest_rows=MAX_TIMELESS)
    _place(session, subject, labels)


def match_sampled(session: Session, subject: Subject, window: Window, rows: range) -> None:
    """Try labels again for which sampled rows have arrived: of a window, and with numbers within a range."""
    numbered = and_(col(LabelRow.time_ms).is_(None), col(LabelRow.row).between(rows.start, rows.stop - 1))
    _place(session, subject, read_labels(session, [*_waiting(subject), or_(_within([window]), numbered)]))


def _waiting(subject: Subject) -> list[ColumnElement[bool]]:
    return [*subject.labels(), col(LabelRow.reason) != ""]


def _within(windows: Collection[Window]) -> ColumnElement[bool]:
    return or_(*(col(LabelRow.time_ms).between(window.start_ms, window.end_ms - 1) for window in windows))


def _given(truth: Truth, before: StoredLabel | None, now_ms: int) -> tuple[Outcome, StoredLabel]:
    if before is None:
        return "new", StoredLabel(truth, None, now_ms, 0)
    known = inherit(truth, before.truth)
    if known == before.truth:
        return "repeated", before
    return "corrected", replace(before, truth=known, received_ms=now_ms, corrections=before.corrections + 1)


def _place(session: Session, subject: Subject, labels: Sequence[StoredLabel]) -> list[Match]:
    """Match labels to windows, store them, and sum again the windows that gain or lose one."""
    if not labels:
        return []
    sampled = _sampled(session, subject, [label.truth for label in labels])
    completed = [complete(label.truth, subject.target, sampled) for label in labels]
    windows = _windows(session, subject, [truth.time_ms for truth in completed if truth.time_ms is not None])
    forgotten = session.get(ForgottenRow, (subject.device_id, subject.model, subject.version))
    through_ms = forgotten.through_ms if forgotten is not None else 0
    places = [match(truth, windows, subject.rows_scored, through_ms) for truth in completed]
    write_labels(session, subject, list(zip(labels, places, strict=True)))
    touched = [label.window for label in labels] + [place.window for place in places]
    for window in sorted({window for window in touched if window is not None}):
        _sum_again(session, subject, window)
    return places


def _sampled(session: Session, subject: Subject, truths: Iterable[Truth]) -> Sequence[SampledPrediction]:
    lacking = [truth for truth in truths if truth.prediction is None or truth.time_ms is None]
    numbers = {truth.row for truth in lacking if truth.row is not None}
    times_ms = {truth.time_ms for truth in lacking if truth.row is None and truth.time_ms is not None}
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


def _sum_again(session: Session, subject: Subject, window: Window) -> None:
    row = session.get_one(TruthWindowRow, (subject.model, subject.version, subject.device_id, *window))
    inside = [col(LabelRow.window_start_ms) == window.start_ms, col(LabelRow.window_end_ms) == window.end_ms]
    truths = [label.truth for label in read_labels(session, [*subject.labels(), *inside])]
    row.labelled = len(truths)
    row.sums = pack(sum_labels(subject.target, truths)) if truths else b""
    store_changed(session, row)
