from collections.abc import Sequence
from typing import Protocol, TypeAlias

from _typeshed import WriteableBuffer

from device_contract.baseline import Baseline
from device_contract.sketches.summary import WindowSummary

class Array(Protocol):
    # A numpy array: its types tell only from Python 3.12 on that it is a buffer.
    @property
    def data(self) -> memoryview: ...

Room: TypeAlias = WriteableBuffer | Array

MAX_SUMMARY_BYTES: int
STREAM_NUMBERS: tuple[str, ...]
WINDOW_NUMBERS: tuple[str, ...]

class SummaryReader:
    @property
    def n_streams(self) -> int: ...
    @property
    def n_bins(self) -> int: ...
    @property
    def n_features(self) -> int: ...
    @property
    def n_comoments(self) -> int: ...
    def __init__(self, baseline: Baseline) -> None: ...
    def read(self, data: bytes) -> WindowSummary: ...
    def rows(self, data: bytes) -> int: ...
    def read_rows(
        self,
        summaries: Sequence[bytes],
        counts: Room,
        stream_numbers: Room,
        window_numbers: Room,
        attributions: Room,
        comoments: Room,
    ) -> list[str]: ...

def shares_of(counts: tuple[int, ...]) -> list[float]: ...
