"""Bounding what is read of a large fleet: the windows of some devices stand for those of all.

They are the devices whose ids have the smallest checksums, so that they are the same each time:
a figure does not move because other devices are asked. What the smaller number costs, the
figure's interval says, since it rests on the scatter between devices (``intervals``).
"""

import zlib
from collections.abc import Sequence

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select

from fleet_server.feedback.tables import TruthWindowRow


def some_devices(session: Session, conditions: Sequence[ColumnElement[bool]], most_windows: int) -> list[str] | None:
    """Choose devices that have about as many windows as may be read.

    Args:
        session: A transaction.
        conditions: On the windows.
        most_windows: So many; the last device that is chosen may go beyond.

    Returns:
        The devices; None where no more windows are meant, and all are taken.
    """
    device_id = col(TruthWindowRow.device_id)
    windows = session.exec(select(device_id, func.count()).where(*conditions).group_by(device_id)).all()
    left = most_windows
    if sum(count for _, count in windows) <= left:
        return None
    chosen: list[str] = []
    for name, count in sorted(windows, key=lambda device: zlib.crc32(device[0].encode())):
        if left <= 0:
            break
        chosen.append(name)
        left -= count
    return chosen
