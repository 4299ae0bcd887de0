"""Pasts as bytes: a blob for each device, so that devices may join, leave and come back on their own.

Moving averages are kept as float16, which rounds them by less than a thousandth; so is the root of
a variance's sum. What else adds up over many windows is float32, a count of windows a byte, an alarm a bit.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.charts import Charts
from detectors.errors import StateError
from detectors.float16 import from_float16, to_float16
from detectors.state import DevicePasts, FleetPast, widths_of

_FORMAT: Final = 4
_LONG: Final = (
    "windows",
    "center",
    "precision",
    "hits",
    "trials",
    "shares_rows",
    "relations_rows",
    "apart_rows",
    "company",
)
_SHORT: Final = (
    "squares",
    "own",
    "shares",
    "relations",
    "apart",
    "training",
    "lag1",
    "lag1_rows",
    "season",
    "season_windows",
)
_ROOT = "squares"
"""Kept as its root: it may be larger than a float16 can be."""
_BYTE = "freedom"
_BITS = "alarmed"


def pack(pasts: DevicePasts) -> list[bytes]:
    """Encode the past of each device, in order."""
    arrays = pasts.arrays()
    rows = np.zeros(len(pasts.windows), _layout(tuple((name, values.shape[1]) for name, values in arrays.items())))
    rows["format"] = _FORMAT
    rows[_BYTE] = arrays[_BYTE]
    rows[_BITS] = np.packbits(arrays[_BITS], axis=1)
    for name in _LONG:
        rows[name] = arrays[name]
    for name in _SHORT:
        rows[name] = to_float16(np.sqrt(arrays[name]) if name == _ROOT else arrays[name])
    data, size = rows.view(np.uint8).data, rows.itemsize
    return [bytes(data[start : start + size]) for start in range(0, len(data), size)]


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
    arrays: dict[str, Any] = {name: np.ascontiguousarray(rows[name]) for name in _LONG}
    arrays |= {name: from_float16(rows[name]) for name in _SHORT}
    arrays[_ROOT] = arrays[_ROOT] ** 2
    arrays[_BYTE] = rows[_BYTE].astype(np.float32)
    arrays[_BITS] = np.unpackbits(rows[_BITS], axis=1, count=widths[_BITS]).view(np.bool_)
    return DevicePasts(**arrays)


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
    """Return how one device's past lies in its bytes; each number at a multiple of its size."""
    width = dict(widths)
    fields: list[Any] = [
        ("format", "u1"),
        *((name, "<f4", (width[name],)) for name in _LONG),
        *((name, "<f2", (width[name],)) for name in _SHORT),
        (_BYTE, "u1", (width[_BYTE],)),
        (_BITS, "u1", (-(-width[_BITS] // 8),)),
    ]
    return np.dtype(fields, align=True)
