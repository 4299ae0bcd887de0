"""What was found in one window of one device, as bytes: small, since there are many of them.

Severities are rounded to a thirty-second of a level and end at four levels, and -128 stands for
one where there was no past or no peer to compare with; differences and effect sizes are float16.
Which chart is in which column is told once for all devices, by the ``FleetFrame`` of the same
window and reference.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.effect_sizes import EFFECT_SIZES

STEPS: Final = 32
"""Of one level."""
_UNCOMPARED: Final = -128


class JudgedHalf(msgspec.Struct, frozen=True, array_like=True):
    """One half of a device's window: ``K`` charts of ``S`` streams."""

    reference: str
    """As in the fleet's window."""
    charts: int
    """K."""
    data: bytes
    """One after the other: severities (3, K), int8, of training, own and peers, in ``1 / STEPS`` of the level with
    their sign, or ``_UNCOMPARED``; which charts are alarmed (3, K), bits; differences (K,), float16, NaN where the
    window says nothing; effect sizes (S, E), float16, in the order of ``EFFECT_SIZES``, NaN where there is no value."""

    def severity_array(self) -> NDArray[np.float64]:
        """Return the severities, (3, K); 1 is at the level, and NaN where nothing was compared."""
        stored = np.frombuffer(self.data, np.int8, 3 * self.charts).reshape(3, -1)
        return np.where(stored != _UNCOMPARED, stored / STEPS, np.nan)

    def alarmed_array(self) -> NDArray[np.bool_]:
        """Return which charts are alarmed, (3, K)."""
        n = 3 * self.charts
        bits = np.frombuffer(self.data, np.uint8, -(-n // 8), n)
        return np.unpackbits(bits, count=n).astype(np.bool_).reshape(3, -1)

    def difference_array(self) -> NDArray[np.float64]:
        """Return the differences, (K,)."""
        return self._halves()[: self.charts]

    def effect_size_array(self) -> NDArray[np.float64]:
        """Return the effect sizes, (S, E)."""
        return self._halves()[self.charts :].reshape(-1, len(EFFECT_SIZES))

    def _halves(self) -> NDArray[np.float64]:
        n = 3 * self.charts
        return np.frombuffer(self.data[n + -(-n // 8) :], "<f2").astype(np.float64)


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(tuple[JudgedHalf, ...])


def encode_judged(halves: Sequence[JudgedHalf]) -> bytes:
    """Encode a device's halves."""
    return _ENCODER.encode(halves)


def decode_judged(data: bytes) -> tuple[JudgedHalf, ...]:
    """Decode what ``encode_judged`` gave."""
    return _DECODER.decode(data)


def severity_bytes(ratios: NDArray[np.float32], compared: NDArray[np.bool_]) -> NDArray[np.int8]:
    """Return severities as they are stored; any shape."""
    return np.where(compared, np.clip(np.rint(ratios * STEPS), -127, 127), _UNCOMPARED).astype(np.int8)


def lay_out(
    severities: NDArray[np.int8], alarmed: NDArray[np.bool_], *rest: NDArray[np.float16]
) -> tuple[int, list[bytes]]:
    """Return what is stored of each of ``n`` devices.

    Args:
        severities: (n, 3, K).
        alarmed: (n, 3, K).
        *rest: Differences (n, K) and effect sizes (n, S, E).

    Returns:
        K, and each device's ``JudgedHalf.data``.
    """
    n = len(severities)
    parts: list[NDArray[Any]] = [severities, np.packbits(alarmed.reshape(n, -1), axis=1), *rest]
    data = np.concatenate([part.reshape(n, -1).view(np.uint8) for part in parts], axis=1)
    whole, size = data.tobytes(), data.shape[1]
    return severities.shape[2], [whole[start : start + size] for start in range(0, len(whole), size)]
