"""Predictions of the rows that devices sampled, for labels that come without theirs."""

from array import array
from collections.abc import Collection

from sqlalchemy import and_, or_
from sqlmodel import Session, col, select

from fleet_server.feedback.matching import SampledPrediction
from fleet_server.sampling.service import rows_of
from fleet_server.sampling.tables import SampleRow


def sampled_predictions(
    session: Session, sampled_by: tuple[str, str, str], *, rows: Collection[int], times_ms: Collection[int]
) -> list[SampledPrediction]:
    """Return what a version gave for rows that its device sampled.

    Args:
        session: A transaction.
        sampled_by: Device, model and version.
        rows: Numbers of the wanted rows.
        times_ms: Times of further ones.
    """
    device_id, model, version = sampled_by
    near = []
    if rows:
        near.append(and_(col(SampleRow.first_row) <= max(rows), col(SampleRow.last_row) >= min(rows)))
    if times_ms:
        near.append(and_(col(SampleRow.window_start_ms) <= max(times_ms), col(SampleRow.window_end_ms) > min(times_ms)))
    query = select(SampleRow).where(
        SampleRow.device_id == device_id, SampleRow.model == model, SampleRow.version == version, or_(*near)
    )
    return [
        SampledPrediction(row.row, row.time_ms, tuple(array("d", row.outputs)))
        for sample in session.exec(query)
        for row in rows_of(sample)
        if row.row in rows or row.time_ms in times_ms
    ]
