"""Rows for a model, from what the source gives: rows as they are, or samples that are framed first.

A model whose manifest has a frame takes the features of a stretch of a stream. Each record is
then one sample of the channels, and now and then one completes a frame.
"""

import array
import math
from typing import Protocol

from device_contract.frames import Frame, Framer
from device_contract.manifest import Feature, Manifest
from edge_agent.rows import Record, RowReader


class Reader(Protocol):
    """Turns the records of a source into the rows of one model, in the order of time."""

    def read(self, record: Record) -> "array.array[float] | None":
        """Return the row that a record completes, float32 (n_features,), if it does; valid until the next.

        Raises:
            RowRefusedError: Wrong width, a missing name, or text where a number belongs.
        """

    def skip(self) -> None:
        """Know that a record came and was refused."""


class FrameReader:
    """Frames a stream of samples.

    A refused record takes its place in the frame as a missing sample: left out, it would move
    all that follows in time.

    Args:
        frame: What to compute.
    """

    def __init__(self, frame: Frame) -> None:
        self._samples = RowReader([Feature(name=channel.name, unit=channel.unit) for channel in frame.channels])
        self._framer = Framer(frame)
        self._missing = array.array("f", [math.nan] * len(frame.channels))

    def read(self, record: Record) -> "array.array[float] | None":
        """Take a sample; see ``Reader``."""
        return self._framer.row if self._framer.push(self._samples.read(record)) else None

    def skip(self) -> None:
        """Take a missing sample; a frame that it completes is not scored."""
        self._framer.push(self._missing)


def reader_for(manifest: Manifest) -> Reader:
    """Return what reads rows for a model."""
    return FrameReader(manifest.frame) if isinstance(manifest.frame, Frame) else RowReader(manifest.features)
