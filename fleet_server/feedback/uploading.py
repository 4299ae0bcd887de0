"""Labels that people and programs upload: each row stored, or refused with its line and reason."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlmodel import Session, col, func, select

from device_contract.names import is_device_id, is_name
from fleet_server.audit.service import AuditService
from fleet_server.bundles.tables import BundleRow
from fleet_server.clock import Clock
from fleet_server.db import Database
from fleet_server.feedback.cursor import lock
from fleet_server.feedback.labels import RefusedError, Truth, read_key, read_label
from fleet_server.feedback.reasons import RefusalReason
from fleet_server.feedback.recording import Outcome
from fleet_server.feedback.refusals import Refusal
from fleet_server.feedback.service import FeedbackService
from fleet_server.feedback.stored import Subject
from fleet_server.feedback.tables import ForgottenRow, TruthWindowRow
from fleet_server.feedback.targets import Targets
from fleet_server.feedback.uploads import Given

CHUNK_LABELS: Final = 2000
"""Stored in one transaction, while SQLite lets nobody else write."""
CHUNK_DEVICES: Final = 100
"""Whose labels they are, at most: what takes the time is to look up each device's windows and to sum them again."""
MAX_EXAMPLES: Final = 3
MAX_SHOWN: Final = 64
"""Characters of an id that is none."""

RowsScored = Callable[[Collection[str]], Mapping[str, int]]
"""Tells how many rows devices have scored; one that there is not is missing."""
_Numbered = tuple[int, Given]


@dataclass(frozen=True)
class Example:
    """A refused row.

    Args:
        line: Its place among the rows of the upload, from 1.
        device_id: As it was given.
        detail: What was found in it.
    """

    line: int
    device_id: str
    detail: str


@dataclass
class Upload:
    """What became of an upload.

    Attributes:
        received: Rows.
        outcomes: Labels by what became of them; two rows for one label are one.
        waiting: Labels of this upload that are not counted yet, by reason.
        refused: Refused rows by reason.
        examples: The first refused rows of each reason.
    """

    received: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    waiting: Counter[str] = field(default_factory=Counter)
    refused: Counter[RefusalReason] = field(default_factory=Counter)
    examples: dict[RefusalReason, list[Example]] = field(default_factory=lambda: defaultdict(list))

    def refuse(self, example: Example, reason: RefusalReason) -> None:
        """Count a refused row."""
        self.refused[reason] += 1
        first = sorted([*self.examples[reason], example], key=lambda one: one.line)
        self.examples[reason] = first[:MAX_EXAMPLES]


class Uploads:
    """Takes uploads of labels.

    Args:
        database: Where they go.
        feedback: Stores them.
        targets: What versions predict.
        rows_scored: Knows the devices.
        audit: Is told who sent labels.
        clock: Gives the present.
    """

    def __init__(  # noqa: PLR0913, PLR0917  (explicit collaborators)
        self,
        database: Database,
        feedback: FeedbackService,
        targets: Targets,
        rows_scored: RowsScored,
        audit: AuditService,
        clock: Clock,
    ) -> None:
        self._database = database
        self._feedback = feedback
        self._targets = targets
        self._rows_scored = rows_scored
        self._audit = audit
        self._clock = clock

    def take(self, actor: str, model: str, rows: Iterable[Given]) -> Upload:
        """Store the labels of an upload, some at a time, so that others may write meanwhile; device by device."""
        upload = Upload()
        for chunk in _chunks(sorted(enumerate(rows, start=1), key=_device_of)):
            upload.received += len(chunk)
            scored = self._rows_scored({name for name in map(_device_of, chunk) if is_device_id(name)})
            with self._database.session() as session:
                lock(session)
                before = upload.outcomes.copy()
                self._store(session, model, chunk, scored, upload)
                changed = upload.outcomes - before
                told = {"new": changed["new"], "corrected": changed["corrected"]}
                if any(told.values()):
                    self._audit.record(session, actor, "labels.send", model, **told)
        return upload

    def _store(
        self,
        session: Session,
        model: str,
        chunk: Sequence[_Numbered],
        scored: Mapping[str, int],
        upload: Upload,
    ) -> None:
        refusals: list[Refusal] = []
        by_version: dict[tuple[str, str], list[Truth]] = defaultdict(list)
        for line, given in chunk:
            device_id = str(given.get("device_id"))
            try:
                for version, truth in self._read(session, model, given, scored):
                    by_version[device_id, version].append(truth)
            except RefusedError as error:
                upload.refuse(Example(line, device_id[:MAX_SHOWN], error.detail), error.reason)
                known = device_id if device_id in scored else ""
                refusals.append(Refusal(known, error.reason, error.detail))
        self._feedback.refuse(session, model, refusals)
        for (device_id, version), truths in by_version.items():
            target = self._targets.find(model, version)
            assert target is not None  # noqa: S101  (the labels were read against it)
            subject = Subject(device_id, model, version, target, scored[device_id])
            outcomes, waiting = self._feedback.record(session, subject, truths)
            upload.outcomes += outcomes
            upload.waiting += waiting

    def _read(
        self, session: Session, model: str, given: Given, scored: Mapping[str, int]
    ) -> Iterator[tuple[str, Truth]]:
        """Read a row for the version that it names, or for each that scored at its time."""
        device_id, version = str(given.get("device_id")), given.get("version")
        if device_id not in scored:
            raise RefusedError("unknown_device", device_id)
        now_ms = self._clock()
        versions = [str(version)] if version else _versions_at(session, model, device_id, read_key(given, now_ms)[1])
        for each in versions:
            target = self._targets.find(model, each) if is_name(each) else None
            if target is None:
                raise RefusedError("unknown_version", each)
            yield each, read_label(given, target, now_ms)


def _chunks(rows: Iterable[_Numbered]) -> Iterator[list[_Numbered]]:
    """Cut rows, which are in the order of their devices, into what one transaction stores."""
    chunk: list[_Numbered] = []
    devices: set[str] = set()
    for row in rows:
        device_id = _device_of(row)
        has_all_devices = len(devices) == CHUNK_DEVICES and device_id not in devices
        if has_all_devices or len(chunk) == CHUNK_LABELS:
            yield chunk
            chunk, devices = [], set()
        chunk.append(row)
        devices.add(device_id)
    if chunk:
        yield chunk


def _device_of(row: _Numbered) -> str:
    return str(row[1].get("device_id"))


def _versions_at(session: Session, model: str, device_id: str, at_ms: int | None) -> Sequence[str]:
    """Return the versions that scored at a time: a label is as true for the shadow as for the champion."""
    if at_ms is None:
        raise RefusedError("unknown_version", "")
    # told which versions there are, a database finds the device's windows by their key; else it reads those of all
    published = col(TruthWindowRow.version).in_(select(BundleRow.version).where(BundleRow.model == model))
    query = select(TruthWindowRow.version).distinct()
    query = query.where(TruthWindowRow.model == model, published, TruthWindowRow.device_id == device_id)
    versions = session.exec(query.where(col(TruthWindowRow.start_ms) <= at_ms, col(TruthWindowRow.end_ms) > at_ms))
    found = sorted(versions)
    if not found:
        forgotten = select(func.max(ForgottenRow.through_ms)).where(
            ForgottenRow.model == model, ForgottenRow.device_id == device_id
        )
        through_ms = session.exec(forgotten).one() or 0
        raise RefusedError("window_forgotten" if at_ms < through_ms else "unknown_version", "")
    return found
