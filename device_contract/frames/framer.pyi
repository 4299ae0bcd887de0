import array
from collections.abc import Sequence

from _typeshed import ReadableBuffer

from device_contract.frames.frame import Frame

class Framer:
    row: array.array[float]
    n_channels: int
    n_features: int
    def __init__(self, frame: Frame) -> None: ...
    def push(self, sample: ReadableBuffer | Sequence[float], /) -> bool: ...
    def rows(self, frames: ReadableBuffer, /) -> array.array[float]: ...
    def reset(self) -> None: ...
