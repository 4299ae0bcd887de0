"""Writes down what was found in each device's window, for charts, frames and the evidence of verdicts."""

from collections.abc import Iterator, Sequence

from sqlmodel import Session

from detectors.effect_sizes import effect_sizes
from detectors.float16 import to_float16
from fleet_server.bulk import put_rows
from fleet_server.drift.judged import JudgedHalf, encode_judged, lay_out, severity_bytes
from fleet_server.drift.judging import HalfJudgement
from fleet_server.drift.tables import JudgedWindowRow
from fleet_server.drift.windows import FleetWindow

_COLUMNS = ("model", "start_ms", "end_ms", "judged_at_ms", "device_id", "version", "rows", "data")


def keep_records(session: Session, window: FleetWindow, judged: Sequence[HalfJudgement], now_ms: int) -> None:
    """Store what was found in a window.

    Args:
        session: The transaction.
        window: What was judged.
        judged: What came of it.
        now_ms: Present Unix time.
    """
    halves: dict[str, list[JudgedHalf]] = {}
    for found in judged:
        for device_id, told in judged_halves(found):
            halves.setdefault(device_id, []).append(told)
    rows: dict[str, int] = {}
    for part in window.parts:
        rows[part.device_id] = rows.get(part.device_id, 0) + part.rows
    model, start_ms, end_ms, last = window.model, window.start_ms, window.end_ms, window.last_parts
    stored = [
        (model, start_ms, end_ms, now_ms, device_id, last[device_id].version, rows[device_id], encode_judged(told))
        for device_id, told in halves.items()
    ]
    put_rows(session, JudgedWindowRow, _COLUMNS, stored)


def judged_halves(found: HalfJudgement) -> Iterator[tuple[str, JudgedHalf]]:
    """Return what is stored of each device."""
    judgement = found.judgement
    charts, data = lay_out(
        severity_bytes(judgement.ratios, judgement.compared),
        judgement.alarmed,
        to_float16(judgement.differences),
        to_float16(effect_sizes(found.half.reference, found.window)),
    )
    for device_id, told in zip(judgement.devices.tolist(), data, strict=True):
        yield device_id, JudgedHalf(found.key.reference, charts, told)
