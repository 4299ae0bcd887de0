"""Mergeable statistics of a window, exact in their counts and about 1.1 KB on the wire.

``RowSummarizer`` makes them on the device, one row at a time; ``merge`` adds them;
``encode_summary`` and ``decode_summary`` carry them. The page is ``docs/formats/sketches.md``.
"""

from device_contract.sketches.attribution import AttributionSums
from device_contract.sketches.comoments import Comoments
from device_contract.sketches.decoder import MAX_SUMMARY_BYTES, STREAM_NUMBERS, WINDOW_NUMBERS, SummaryReader
from device_contract.sketches.encoding import decode_summary, encode_summary
from device_contract.sketches.latency import LatencyHistogram
from device_contract.sketches.metrics import MetricSketch
from device_contract.sketches.projection import ProjectionSums
from device_contract.sketches.resources import Resources
from device_contract.sketches.stream import StreamSketch
from device_contract.sketches.summarizer import RowSummarizer
from device_contract.sketches.summary import WindowSummary, empty_summary, merge

__all__ = [
    "MAX_SUMMARY_BYTES",
    "STREAM_NUMBERS",
    "WINDOW_NUMBERS",
    "AttributionSums",
    "Comoments",
    "LatencyHistogram",
    "MetricSketch",
    "ProjectionSums",
    "Resources",
    "RowSummarizer",
    "StreamSketch",
    "SummaryReader",
    "WindowSummary",
    "decode_summary",
    "empty_summary",
    "encode_summary",
    "merge",
]
