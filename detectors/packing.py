"""Pasts as bytes: a blob for each device, so that devices may join, leave and come back on their own.

Moving averages and counts of windows are kept as float16, which rounds them by less than a
thousandth; what adds up over many windows, and may be large, as float32; alarms as bits.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.arrays import Floats
from detectors.charts import Charts
from detectors.errors import StateError
from detectors.state import DevicePasts, FleetPast, widths_of

_FORMAT: Final = 3
_SHORT: Final = frozenset(
    {
        "freedom",
        "shares",
        "relations",
        "own",
        "apart",
        "training",
        "lag1",
        "lag1_rows",
        "season",
        "season_windows",
    }
)
_BITS = "alarmed"
_LARGEST: Final = 65_000.0


def pack(pasts: DevicePasts) -> list[bytes]:
    """Encode the past of each device, in order."""
    arrays = pasts.arrays()
    layout = _layout(tuple((name, values.shape[1]) for name, values in arrays.items()))
    rows = np.empty(len(pasts.windows), layout)
    rows["format"] = _FORMAT
    for name, values in arrays.items():
        rows[name] = _stored(name, values)
    data, size = rows.tobytes(), layout.itemsize
    return [data[start : start + size] for start in range(0, len(data), size)]


def unpack(charts: Charts, phases: int, blobs: Sequence[bytes]) -> DevicePasts:
    """Decode pasts, in order.

    Args:
        charts: Of the baseline that they belong to.
        phases: Windows in a season.
        blobs: What ``pack`` gave.

    Raises:
        StateError: A blob is of another format, or of another baseline or season.
    """
    widths = widths_of(charts, phases)
    layout = _layout(tuple(widths.items()))
    if any(len(blob) != layout.itemsize or blob[0] != _FORMAT for blob in blobs):
        raise StateError(f"a past does not have {layout.itemsize} bytes of format {_FORMAT}")
    rows = np.frombuffer(b"".join(blobs), layout)
    arrays: dict[str, Any] = {name: rows[name].astype(np.float32) for name in widths if name != _BITS}
    bits = np.unpackbits(rows[_BITS], axis=1, count=widths[_BITS]).view(np.bool_)
    return DevicePasts(**arrays | {_BITS: bits})


def pack_fleet(fleet: FleetPast) -> bytes:
    """Encode what the fleet has in common."""
    arrays: dict[str, NDArray[Any]] = {name: getattr(fleet, name) for name in _FLEET}
    told = {name: (values.shape, values.astype(_FLEET[name]).tobytes()) for name, values in arrays.items()}
    return msgspec.msgpack.encode((_FORMAT, fleet.groups, told))


def unpack_fleet(charts: Charts, phases: int, data: bytes) -> FleetPast:
    """Decode what ``pack_fleet`` gave.

    Raises:
        StateError: The bytes are malformed, or of another baseline or season.
    """
    try:
        version, groups, told = msgspec.msgpack.decode(data, type=tuple[int, tuple[str, ...], dict[str, _Stored]])
        arrays: dict[str, Any] = {
            name: np.frombuffer(told[name][1], kind).reshape(told[name][0]) for name, kind in _FLEET.items()
        }
    except (msgspec.DecodeError, KeyError, ValueError) as error:
        raise StateError(f"malformed past of the fleet: {error}") from error
    expected = (len(groups), phases, charts.n_charts)
    if version != _FORMAT or arrays["level"].shape != expected or arrays["echo"].shape != expected[2:]:
        raise StateError("the past of the fleet belongs to another baseline or season")
    return FleetPast(groups=groups, **arrays)


_Stored = tuple[tuple[int, ...], bytes]
_FLEET: Final[Mapping[str, type]] = {
    "level": np.float64,
    "seen": np.float64,
    "squares": np.float64,
    "steps": np.float64,
    "echo": np.float64,
    "echoes": np.float64,
}


@cache
def _layout(widths: tuple[tuple[str, int], ...]) -> np.dtype[np.void]:
    """Return how one device's past lies in its bytes."""
    fields: list[Any] = [("format", "u1")]
    for name, width in widths:
        fields.append((name, "u1", (-(-width // 8),)) if name == _BITS else (name, _kind(name), (width,)))
    return np.dtype(fields)


def _kind(name: str) -> str:
    return "<f2" if name in _SHORT else "<f4"


def _stored(name: str, values: Floats) -> NDArray[Any]:
    if name == _BITS:
        return np.packbits(values.astype(np.bool_), axis=1)
    return np.clip(values, -_LARGEST, _LARGEST) if name in _SHORT else values
