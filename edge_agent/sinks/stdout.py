"""Scores as NDJSON: one line a row.

``{"row": its number, "time": ms, "score": number}``, or ``"score": [numbers]`` for several
outputs, and ``"label"`` where the manifest has labels. NaN and infinities, which JSON does
not have, are ``null``. A row without a time has no ``"time"``, and without a fleet no number.
"""

from collections.abc import Sequence
from typing import Any, BinaryIO

import msgspec

from device_contract.manifest import Label
from edge_agent.sinks.sink import ScoredRow


def score_line(time_ms: int | None, outputs: Sequence[float], label: Label | None, *, row: int | None = None) -> bytes:
    """Return the line for one row.

    Args:
        time_ms: The row's event time, if it has one.
        outputs: The model's outputs, float64 (n_outputs,).
        label: The most probable label; None for a regression.
        row: The row's number, if it has one.
    """
    line: dict[str, Any] = {"score": outputs[0] if len(outputs) == 1 else list(outputs)}
    known = {"row": row, "time": time_ms, "label": label}
    line |= {name: value for name, value in known.items() if value is not None}
    return msgspec.json.encode(line) + b"\n"


class StreamSink:
    """Writes each score at once.

    Args:
        stream: Where to.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, scored: ScoredRow) -> None:
        """Write one row's score.

        Raises:
            OSError: Nobody reads any more, or the disk is full.
        """
        self._stream.write(score_line(scored.time_ms, scored.outputs, scored.label, row=scored.row))
        self._stream.flush()
