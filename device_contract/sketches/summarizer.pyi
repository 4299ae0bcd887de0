"""The device's summarizer, compiled from ``summarizer.pyx``."""

from _typeshed import ReadableBuffer

from device_contract.baseline import Baseline
from device_contract.sketches.summary import WindowSummary

class RowSummarizer:
    """Summarises rows one at a time, in one fused pass over features and outputs.

    The row before stays the neighbour of the next row across ``take``, so that two windows
    in a row merge to exactly what one longer window would have held.

    Args:
        baseline: Bins, pivots and plausible ranges of the streams.
    """

    def __init__(self, baseline: Baseline) -> None: ...
    @property
    def rows(self) -> int:
        """Rows since the last ``take``."""

    def update(self, row: ReadableBuffer, outputs: ReadableBuffer) -> None:
        """Count one row. No value makes it raise, NaN and infinities included.

        Args:
            row: The features, C-contiguous float32 (n_features,).
            outputs: The model's outputs, C-contiguous float64 (n_outputs,); each is counted
                as the nearest float32.

        Raises:
            RowError: A buffer has the wrong width or type; nothing was counted.
        """

    def observe_latency_ns(self, latency_ns: int) -> None:
        """Count the time that scoring one row took, in nanoseconds."""

    def take(self) -> WindowSummary:
        """Return the statistics since the last ``take``, and start again from none."""
