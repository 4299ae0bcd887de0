"""Storing sampled rows once, and finding them again."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from operator import eq, gt, lt
from typing import Final, cast

import msgspec
from prometheus_client import CollectorRegistry, Counter
from sqlalchemy import ColumnElement, delete, func
from sqlmodel import Session, col, select

from device_contract.assignment import SamplingPolicy
from device_contract.baseline import DAY_MS
from device_contract.manifest import Manifest
from device_contract.samples import Sample, SampledRow
from fleet_server.broker.acknowledge import acknowledge
from fleet_server.broker.ingest import Inbound, Outbound
from fleet_server.bundles.service import BundleService
from fleet_server.clock import Clock
from fleet_server.db import Database, bounds, insert_new
from fleet_server.sampling.admission import refusal
from fleet_server.sampling.policies import SamplingPolicies
from fleet_server.sampling.tables import SampleRow

_logger = logging.getLogger(__name__)

PRUNED_SAMPLES: Final = 500
"""Deleted in one transaction, while SQLite lets nobody else write."""
_FIELDS: Final = (
    "device_id",
    "boot_id",
    "sequence",
    "slot",
    "model",
    "version",
    "bundle_sha256",
    "window_start_ms",
    "window_end_ms",
    "rows_seen",
)
_decoder = msgspec.msgpack.Decoder(tuple[SampledRow, ...])


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which samples are meant; None is no bound.

    Attributes:
        model: The model.
        version: Of this version.
        device_id: Of this device.
        since_ms: Of windows that end after this time, Unix milliseconds.
        until_ms: Of windows that start before this time.
    """

    model: str
    version: str | None = None
    device_id: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None


class SampleService:
    """The sampled rows of all devices.

    Args:
        database: Where they are stored.
        policies: Say what devices may send.
        bundles: The published versions.
        clock: Gives the present.
        registry: Where the counters are registered.
    """

    def __init__(
        self,
        database: Database,
        policies: SamplingPolicies,
        bundles: BundleService,
        clock: Clock,
        *,
        registry: CollectorRegistry,
    ) -> None:
        self._database = database
        self._policies = policies
        self._bundles = bundles
        self._clock = clock
        self._stored = Counter("leeway_samples_stored", "Samples stored.", registry=registry)
        self._refused = Counter("leeway_samples_refused", "Samples refused, by reason.", ["reason"], registry=registry)

    def ingest_samples(self, session: Session, inbound: list[Inbound]) -> list[Outbound]:
        """Store a batch of samples in the caller's transaction; one that is there already is left as it is.

        Every sample is acknowledged, refused ones too (``fleet_server.sampling.admission`` says why).
        """
        samples = [cast("Sample", message.message) for message in inbound]
        allowed = self._policies.allowed(session, {sample.device_id for sample in samples})
        manifests = {sha256: self._bundles.manifest(sha256) for sha256 in {m.bundle_sha256 for m in samples}}
        sound = [
            sample
            for sample in samples
            if self._is_admitted(sample, manifests[sample.bundle_sha256], allowed[sample.device_id])
        ]
        if sound:
            self._stored.inc(_insert(session, sound, self._clock()))
        return acknowledge(samples)

    def samples(self, selection: Selection, *, limit: int, before: int | None = None) -> Sequence[SampleRow]:
        """Return samples, the last to arrive first.

        Args:
            selection: Which.
            limit: Most samples.
            before: Those that arrived before the one with this ordinal.
        """
        query = select(SampleRow).where(*_conditions(selection), *bounds((SampleRow.ordinal, lt, before)))
        with self._database.reading() as session:
            return session.exec(query.order_by(col(SampleRow.ordinal).desc()).limit(limit)).all()

    def bundles(self, selection: Selection) -> Sequence[str]:
        """Return the digests of the bundles that scored the rows."""
        query = select(SampleRow.bundle_sha256).where(*_conditions(selection)).distinct()
        with self._database.reading() as session:
            return session.exec(query.order_by(SampleRow.bundle_sha256)).all()

    def find(self, device_id: str, row: int) -> tuple[SampleRow, SampledRow] | None:
        """Return a device's row by its number, with the sample that it came in; None if it was not sampled."""
        query = select(SampleRow).where(
            SampleRow.device_id == device_id, col(SampleRow.last_row) >= row, col(SampleRow.first_row) <= row
        )
        with self._database.reading() as session:
            samples = session.exec(query.order_by(col(SampleRow.last_row))).all()
        found = ((sample, each) for sample in samples for each in rows_of(sample) if each.row == row)
        return next(found, None)

    def prune(self, keep_days: int) -> int:
        """Delete samples that came more than ``keep_days`` ago, some at a time; return how many there were."""
        limit_ms = self._clock() - keep_days * DAY_MS
        old = select(SampleRow.ordinal).where(col(SampleRow.received_ms) < limit_ms).limit(PRUNED_SAMPLES)
        with self._database.reading() as session:
            ordinals = session.exec(old).all()
        if ordinals:
            with self._database.session() as session:
                session.exec(delete(SampleRow).where(col(SampleRow.ordinal).in_(ordinals)))
        return len(ordinals)

    def _is_admitted(self, sample: Sample, manifest: Manifest | None, allowed: SamplingPolicy | None) -> bool:
        reason = refusal(sample, manifest, allowed, self._clock())
        if reason is not None:
            self._refused.labels(reason).inc()
            _logger.info("refused sample %s of device %s: %s", sample.sequence, sample.device_id, reason)
        return reason is None


def _conditions(selection: Selection) -> list[ColumnElement[bool]]:
    return bounds(
        (SampleRow.model, eq, selection.model),
        (SampleRow.version, eq, selection.version),
        (SampleRow.device_id, eq, selection.device_id),
        (SampleRow.window_end_ms, gt, selection.since_ms),
        (SampleRow.window_start_ms, lt, selection.until_ms),
    )


def rows_of(sample: SampleRow) -> tuple[SampledRow, ...]:
    """Return the rows of a stored sample."""
    return _decoder.decode(sample.rows)


def _insert(session: Session, samples: Sequence[Sample], now_ms: int) -> int:
    """Insert samples and return how many were new; ordinals rise in the order of commits, as those of reports."""
    last = session.exec(select(func.max(SampleRow.ordinal))).one() or 0
    values = [_values(sample, ordinal, now_ms) for ordinal, sample in enumerate(samples, start=last + 1)]
    return len(insert_new(session, SampleRow, values))


def _values(sample: Sample, ordinal: int, now_ms: int) -> dict[str, object]:
    numbers = [row.row for row in sample.rows]
    return {field: getattr(sample, field) for field in _FIELDS} | {
        "ordinal": ordinal,
        "first_row": min(numbers),
        "last_row": max(numbers),
        "rows": msgspec.msgpack.encode(sample.rows),
        "received_ms": now_ms,
    }
