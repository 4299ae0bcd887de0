"""Signs off one window of a model: looked at once, which findings are more than chance.

The verdicts are made for looking at every window. Whoever looks once, at the window after an
installation or before an audit, asks another question, and gets another answer: all charts of
all devices ranked by probability, and cut where a given share of those named is expected to be
chance (``detectors.fdr``). What could not be compared is not among them: a chart of which nothing is
known would pass for one that is as usual, and the more there are of those, the less is found.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from sqlmodel import Session, col, select

from detectors import discovery_rates
from detectors.arrays import Floats
from fleet_server.db import Database
from fleet_server.drift.fleet_frames import FleetFrame, decode_fleet
from fleet_server.drift.judged import JudgedHalf, decode_judged
from fleet_server.drift.tables import FleetWindowRow, JudgedWindowRow
from fleet_server.drift.verdict import DEVICE_KINDS, DeviceKind
from fleet_server.errors import NotFoundError

FINDINGS: Final = pa.schema(
    [
        ("device_id", pa.string()),
        ("stream", pa.string()),
        ("role", pa.string()),
        ("channel", pa.string()),
        ("score_sd", pa.float64()),
        ("difference", pa.float64()),
        ("false_discovery_rate", pa.float64()),
    ]
)
"""A row for each finding, the least probable first."""


@dataclass(frozen=True)
class Finding:
    """A chart of a device that is more than chance."""

    device_id: str
    stream: str
    role: str
    channel: str
    score_sd: float
    """In standard deviations of a healthy chart's moving average, with its sign."""
    difference: float
    """This window's, less what was expected; as in the frames."""
    false_discovery_rate: float
    """Share of chance among this finding and all that are less probable."""


@dataclass(frozen=True)
class SignOff:
    """One look at a window.

    Attributes:
        start_ms: Of the window, Unix milliseconds.
        end_ms: Of the window.
        devices: That have it.
        not_compared: How many of them could not be compared in any chart: they are learned, have no peers,
            or came late.
        charts: That were looked at, over all devices.
        findings: The least probable first; none signs the window off.
    """

    start_ms: int
    end_ms: int
    devices: int
    not_compared: int
    charts: int
    findings: list[Finding]


def sign_off(database: Database, model: str, against: DeviceKind, rate: float, at_ms: int | None) -> SignOff:
    """Look once at the last judged window of a model.

    Args:
        database: Where it is.
        model: The model.
        against: The comparison.
        rate: Share of the findings that may be chance.
        at_ms: The last window that starts here or earlier, Unix milliseconds; None: the last of all.

    Raises:
        NotFoundError: No window was judged by then.
    """
    with database.reading() as session:
        start_ms, end_ms, frames = _last_window(session, model, at_ms)
        same = (JudgedWindowRow.model == model, JudgedWindowRow.start_ms == start_ms, JudgedWindowRow.end_ms == end_ms)
        query = select(JudgedWindowRow.device_id, JudgedWindowRow.data).where(*same)
        judged = {device_id: decode_judged(data) for device_id, data in session.exec(query)}
    looks = list(_looks(judged, frames, DEVICE_KINDS.index(against)))
    scores = np.concatenate([look.scores.ravel() for look in looks]) if looks else np.zeros(0)
    rates = np.split(discovery_rates(scores), np.cumsum([look.scores.size for look in looks])[:-1])
    found = [one for look, of in zip(looks, rates, strict=True) for one in look.findings(of, rate)]
    found.sort(key=lambda one: (one.false_discovery_rate, -abs(one.score_sd), one.device_id, one.stream, one.channel))
    not_compared = len(judged) - len({name for look in looks for name in look.compared()})
    return SignOff(start_ms, end_ms, len(judged), not_compared, int(np.isfinite(scores).sum()), found)


@dataclass(frozen=True, eq=False)
class _Look:
    """The charts of ``n`` devices that share a reference; ``K`` of them each."""

    frame: FleetFrame
    devices: list[str]
    scores: Floats
    """(n, K); NaN where the window says nothing, or there was nothing to compare it with."""
    differences: Floats
    """(n, K)."""

    def compared(self) -> Iterator[str]:
        """Give the devices of which a chart was compared."""
        return (self.devices[place] for place in np.flatnonzero(np.isfinite(self.scores).any(axis=1)))

    def findings(self, rates: Floats, most: float) -> Iterator[Finding]:
        """Give what is found at a false discovery rate of at most so much; ``rates`` is flat, as the scores."""
        names = self.frame.shown
        for place, chart in np.argwhere(rates.reshape(self.scores.shape) <= most).tolist():
            column = names[chart]
            yield Finding(
                self.devices[place],
                self.frame.streams[column],
                self.frame.roles[column],
                self.frame.channels[column],
                float(self.scores[place, chart]),
                float(self.differences[place, chart]),
                float(rates[place * len(names) + chart]),
            )


def _looks(judged: Mapping[str, Iterable[JudgedHalf]], frames: Mapping[str, FleetFrame], kind: int) -> Iterator[_Look]:
    for reference, frame in frames.items():
        halves = {name: half for name, told in judged.items() for half in told if half.reference == reference}
        if halves:
            differences = np.stack([half.difference_array() for half in halves.values()])[:, frame.shown]
            severities = np.stack([half.severity_array()[kind] for half in halves.values()])[:, frame.shown]
            scores = np.where(np.isfinite(differences), severities * frame.levels[kind], np.nan)
            yield _Look(frame, list(halves), scores, differences)


def _last_window(session: Session, model: str, at_ms: int | None) -> tuple[int, int, dict[str, FleetFrame]]:
    start, end = col(FleetWindowRow.start_ms), col(FleetWindowRow.end_ms)
    query = select(FleetWindowRow).where(FleetWindowRow.model == model)
    if at_ms is not None:
        query = query.where(start <= at_ms)
    last = session.exec(query.order_by(start.desc(), end.desc()).limit(1)).first()
    if last is None:
        raise NotFoundError(f"no window of model {model!r} has been judged" + (" by then" if at_ms is not None else ""))
    rows = session.exec(query.where(start == last.start_ms, end == last.end_ms)).all()
    return last.start_ms, last.end_ms, {row.reference: decode_fleet(row.data) for row in rows}
