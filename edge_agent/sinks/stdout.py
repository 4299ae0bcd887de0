"""Scores as NDJSON: one line a row.

``{"time": ms or null, "score": number}``, or ``"score": [numbers]`` for several
outputs, and ``"label"`` where the manifest has labels. NaN and infinities, which JSON
does not have, are ``null``.
"""

from collections.abc import Sequence
from typing import Any, BinaryIO

import msgspec

from device_contract.manifest import Label


def score_line(time_ms: int | None, outputs: Sequence[float], labels: Sequence[Label]) -> bytes:
    """Return the line for one row.

    Args:
        time_ms: The row's event time, if it has one.
        outputs: The model's outputs, float64 (n_outputs,).
        labels: The label of each output; empty for a regression.
    """
    line: dict[str, Any] = {"score": outputs[0] if len(outputs) == 1 else list(outputs)}
    if time_ms is not None:
        line["time"] = time_ms
    if labels:
        line["label"] = labels[max(range(len(outputs)), key=outputs.__getitem__)]
    return msgspec.json.encode(line) + b"\n"


class StreamSink:
    """Writes each score at once.

    Args:
        stream: Where to.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, time_ms: int | None, outputs: Sequence[float], labels: Sequence[Label]) -> None:
        """Write one row's score.

        Raises:
            OSError: Nobody reads any more, or the disk is full.
        """
        self._stream.write(score_line(time_ms, outputs, labels))
        self._stream.flush()
