"""Stores verdicts, and writes down which are news.

News is another word, other streams, another cause, or a severity that has reached another
whole level. What is not news is not written: the present severity of a stable device is in
its last judged window.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sqlalchemy
from sqlmodel import Session, col

from fleet_server.bulk import plain_rows, put_rows
from fleet_server.drift.sentences import ANOTHER_GROUP, word
from fleet_server.drift.tables import VerdictChangeRow, VerdictRow
from fleet_server.drift.verdict import HIGHEST_GRADE, REGROUPED, Kind, Verdict

_VERDICT = (
    "device_id",
    "model",
    "kind",
    "group",
    "version",
    "verdict",
    "features",
    "outputs",
    "severity",
    "since_ms",
    "stream_since_ms",
    "cause",
    "sentence",
    "advice",
    "evidence",
)
_WORDS = ("device_id", "kind", "verdict")
_NAMED_DEVICES = 10_000
"""Up to so many are asked for by name; more are read together with all others."""


@dataclass(frozen=True)
class Settled:
    """A verdict with what it means, to be stored.

    Attributes:
        device_id: The device, or ``verdict.WHOLE_FLEET``.
        group: For the whole fleet the peers' group; else empty.
        kind: The comparison.
        version: Of the device's latest window.
        verdict: The verdict.
        units: Of the streams that have one.
    """

    device_id: str
    group: str
    kind: Kind
    version: str
    verdict: Verdict
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def subject(self) -> str:
        """Whom it is about, in words."""
        return self.device_id or (f"the devices of group {self.group!r}" if self.group else "the whole fleet")


class Standing(NamedTuple):
    """A verdict that stands, as far as it is needed to tell what is news: plain, since there are many of them."""

    device_id: str
    group: str
    kind: str
    verdict: str
    severity: float
    since_ms: int
    stream_since_ms: dict[str, int]
    cause: str
    evidence: dict[str, Any]


class Settlement:
    """Stores the verdicts of one model, within the caller's transaction.

    Args:
        session: The transaction.
        model: The model.
        now_ms: Present Unix time, for the history.
    """

    def __init__(self, session: Session, model: str, now_ms: int) -> None:
        self._session = session
        self._model = model
        self._now_ms = now_ms

    def words(self, devices: Collection[str]) -> set[tuple[str, str, str]]:
        """Return the words that stand for these devices: each with its device and kind."""
        return set(map(tuple, plain_rows(self._session, VerdictRow, _WORDS, devices, model=self._model)))

    def present(self, devices: Sequence[str]) -> dict[tuple[str, str, str], Standing]:
        """Return the verdicts that stand, by device, group and kind."""
        columns = [getattr(VerdictRow, name) for name in Standing._fields]
        query = sqlalchemy.select(*columns).where(col(VerdictRow.model) == self._model)
        if len(devices) <= _NAMED_DEVICES:
            query = query.where(col(VerdictRow.device_id).in_(devices))
        standing = (Standing(*row) for row in self._session.execute(query))
        return {(one.device_id, one.group, one.kind): one for one in standing}

    def settle(
        self,
        verdicts: Iterable[Settled],
        present: Mapping[tuple[str, str, str], Standing],
        start_ms: int,
    ) -> None:
        """Store those verdicts that are news.

        Args:
            verdicts: What was judged.
            present: What ``present`` gave for their devices.
            start_ms: Start of the window, in event time.
        """
        news: list[tuple[str, tuple[Any, ...]]] = []
        for settled in verdicts:
            before = present.get((settled.device_id, settled.group, settled.kind))
            if before is None or _is_news(before, settled):
                news.append(self._row(settled, before, start_ms))
        changes = [(*row, before, self._now_ms) for before, row in news]
        put_rows(self._session, VerdictRow, _VERDICT, [row for _, row in news], replace=True)
        put_rows(self._session, VerdictChangeRow, (*_VERDICT, "verdict_before", "changed_ms"), changes)

    def _row(self, settled: Settled, before: Standing | None, start_ms: int) -> tuple[str, tuple[Any, ...]]:
        verdict = settled.verdict
        word_before = before.verdict if before is not None else ""
        since_ms, stream_since_ms = _since(before, verdict, start_ms)
        wording = word(settled.kind, settled.subject, verdict, since_ms, settled.units)
        row = (
            settled.device_id,
            self._model,
            settled.kind,
            settled.group,
            settled.version,
            verdict.word,
            json.dumps(verdict.features),
            json.dumps(verdict.outputs),
            verdict.severity,
            since_ms,
            json.dumps(stream_since_ms),
            wording.cause,
            # a stream's name may hold a NUL, PostgreSQL's texts may not
            wording.sentence.replace("\0", "\N{REPLACEMENT CHARACTER}"),
            wording.advice,
            json.dumps(verdict.evidence),
        )
        return word_before, row


def _since(before: Standing | None, verdict: Verdict, start_ms: int) -> tuple[int, dict[str, int]]:
    """Return when a verdict began, and when each of its streams began to drift."""
    known = before.stream_since_ms if before is not None else {}
    streams = {name: known.get(name, start_ms) for name in verdict.streams}
    if streams:
        return streams[verdict.streams[0]], streams
    goes_on = before is not None and before.verdict == verdict.word
    return (before.since_ms if before is not None and goes_on else start_ms), streams


def _is_news(before: Standing, settled: Settled) -> bool:
    verdict = settled.verdict
    if verdict.reason == REGROUPED:
        return before.cause != ANOTHER_GROUP
    if before.verdict != verdict.word or {*before.evidence} != {*verdict.evidence}:
        return True
    if verdict.diagnosis is not None and before.cause != verdict.diagnosis.cause:
        return True
    return verdict.word == "drift" and min(int(before.severity), HIGHEST_GRADE) != verdict.grade
