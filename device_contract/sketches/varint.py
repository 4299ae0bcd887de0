"""Unsigned integers in as few bytes as they need: little-endian groups of seven bits.

Source: unsigned LEB128, DWARF 5, section 7.6.
"""

from device_contract.errors import SketchError

MAX_VALUE = 2**53
"""No count is larger: a float64 still tells it from its neighbours."""

_MAX_BITS = 56
"""Eight bytes reach ``MAX_VALUE``; a longer integer is rubbish, and would grow without bound."""


def append(out: bytearray, value: int) -> None:
    """Append a value from 0 to ``MAX_VALUE``.

    Raises:
        SketchError: The value is outside.
    """
    if not 0 <= value <= MAX_VALUE:
        raise SketchError(f"not a count: {value}")
    while value >= 0x80:  # noqa: PLR2004  (seven bits a byte)
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


class Reader:
    """Reads bytes from front to back, never past the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def take(self, size: int) -> bytes:
        """Return the next bytes.

        Raises:
            SketchError: Fewer are left.
        """
        chunk = self._data[self._position : self._position + size]
        if len(chunk) < size:
            raise SketchError(f"ends early, at byte {len(self._data)}")
        self._position += size
        return chunk

    def varint(self) -> int:
        """Return the next integer.

        Raises:
            SketchError: It ends early, is above ``MAX_VALUE``, or is longer than it needs to be.
        """
        return self.varints(1)[0]

    def varints(self, count: int) -> list[int]:
        """Return the next integers.

        Raises:
            SketchError: As ``varint``.
        """
        data, position = self._data, self._position
        values: list[int] = []
        try:
            for _ in range(count):
                byte = data[position]
                position += 1
                value, shift = byte & 0x7F, 7
                while byte > 0x7F and shift < _MAX_BITS:  # noqa: PLR2004  (the last byte has its top bit clear)
                    byte = data[position]
                    position += 1
                    value |= (byte & 0x7F) << shift
                    shift += 7
                if byte > 0x7F or value > MAX_VALUE or (byte == 0 and shift > 7):  # noqa: PLR2004  (as above)
                    raise SketchError(f"malformed integer before byte {position}")
                values.append(value)
        except IndexError:
            raise SketchError(f"ends early, at byte {len(data)}") from None
        self._position = position
        return values

    def finish(self) -> None:
        """Check that nothing is left.

        Raises:
            SketchError: Something is.
        """
        if self._position != len(self._data):
            raise SketchError(f"{len(self._data) - self._position} bytes too many")
