"""Writes down what was found in each device's window, for charts, frames and the evidence of verdicts."""

from collections.abc import Iterator, Sequence

import numpy as np
from sqlalchemy import insert
from sqlmodel import Session

from detectors.effect_sizes import effect_sizes
from fleet_server.drift.judged import JudgedHalf, encode_judged, half_bytes, severity_bytes
from fleet_server.drift.judging import HalfJudgement
from fleet_server.drift.tables import JudgedWindowRow
from fleet_server.drift.windows import FleetWindow


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
    versions = {part.device_id: part.version for part in window.parts}
    rows: dict[str, int] = {}
    for part in window.parts:
        rows[part.device_id] = rows.get(part.device_id, 0) + part.rows
    values = [
        {
            "model": window.model,
            "device_id": device_id,
            "version": versions[device_id],
            "start_ms": window.start_ms,
            "end_ms": window.end_ms,
            "rows": rows[device_id],
            "judged_at_ms": now_ms,
            "data": encode_judged(tuple(told)),
        }
        for device_id, told in halves.items()
    ]
    if values:
        session.execute(insert(JudgedWindowRow), values)


def judged_halves(found: HalfJudgement) -> Iterator[tuple[str, JudgedHalf]]:
    """Return what is stored of each device."""
    judgement = found.judgement
    severities = severity_bytes(judgement.ratios)
    alarmed = np.packbits(judgement.alarmed.reshape(len(judgement.devices), -1), axis=1)
    differences = half_bytes(judgement.differences)
    sizes = half_bytes(effect_sizes(found.half.reference, found.window))
    for place, device_id in enumerate(judgement.devices.tolist()):
        yield (
            device_id,
            JudgedHalf(
                reference=found.key.reference,
                severities=severities[place].tobytes(),
                alarmed=alarmed[place].tobytes(),
                differences=differences[place].tobytes(),
                effect_sizes=sizes[place].tobytes(),
            ),
        )
