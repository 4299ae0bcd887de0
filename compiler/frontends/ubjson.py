"""Universal binary JSON, as XGBoost writes it: big-endian, arrays of one type of number with their length in front.

Source: https://ubjson.org/type-reference/
"""

import struct
from typing import Any

import numpy as np

MAX_DEPTH = 64
_NUMBERS = {"i": ">i1", "U": ">u1", "I": ">i2", "l": ">i4", "L": ">i8", "d": ">f4", "D": ">f8"}
_WHOLE = frozenset("iUIlL")
_WORDS = {"T": True, "F": False, "Z": None}


def decode(data: bytes) -> Any:
    """Decode a document.

    Returns:
        Its value; arrays that tell their type are numpy arrays.

    Raises:
        ValueError: It is malformed, cut off, or nested too deep.
    """
    reader = _Reader(data)
    try:
        return reader.value(reader.marker(), 0)
    except (struct.error, IndexError) as error:
        raise ValueError("the UBJSON ends too early") from error


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._at = 0

    def marker(self) -> str:
        """Return the next letter; ``N`` says nothing."""
        self._at += 1
        letter = chr(self._data[self._at - 1])
        return letter if letter != "N" else self.marker()

    def value(self, marker: str, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise ValueError(f"the UBJSON is nested more than {MAX_DEPTH} deep")
        if marker in _WORDS:
            return _WORDS[marker]
        if marker in _NUMBERS:
            return self._numbers(marker, 1)[0].item()
        if marker == "S":
            return self._text()
        if marker == "[":
            return self._array(depth)
        if marker == "{":
            return self._object(depth)
        raise ValueError(f"the UBJSON has an unknown marker {marker!r}")

    def _take(self, size: int) -> memoryview:
        if not 0 <= size <= len(self._data) - self._at:
            raise ValueError("the UBJSON ends too early")
        self._at += size
        return self._data[self._at - size : self._at]

    def _numbers(self, marker: str, count: int) -> "np.ndarray[Any, Any]":
        dtype = np.dtype(_NUMBERS[marker])
        return np.frombuffer(self._take(count * dtype.itemsize), dtype)

    def _count(self) -> int:
        marker = self.marker()
        if marker not in _WHOLE:
            raise ValueError(f"the UBJSON has a length of type {marker!r}")
        return int(self._numbers(marker, 1)[0])

    def _text(self) -> str:
        return bytes(self._take(self._count())).decode()

    def _array(self, depth: int) -> Any:
        marker = self.marker()
        if marker == "$":
            kind = self.marker()
            if self.marker() != "#" or kind not in _NUMBERS:
                raise ValueError(f"the UBJSON has an array of type {kind!r} without a length")
            return self._numbers(kind, self._count())
        if marker == "#":
            return [self.value(self.marker(), depth + 1) for _ in range(self._bounded(self._count()))]
        values = []
        while marker != "]":
            values.append(self.value(marker, depth + 1))
            marker = self.marker()
        return values

    def _object(self, depth: int) -> dict[str, Any]:
        values = {}
        while self._data[self._at] != ord("}"):
            name = self._text()
            values[name] = self.value(self.marker(), depth + 1)
        self._at += 1
        return values

    def _bounded(self, count: int) -> int:
        """Refuse a length that the rest of the file cannot hold: a value takes a byte at least."""
        if count > len(self._data) - self._at:
            raise ValueError("the UBJSON ends too early")
        return count
