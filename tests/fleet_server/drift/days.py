"""Days of a made-up fleet: six devices under one weather, of which some may be broken."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from detectors import LEARNING_WINDOWS
from tests.fleet_server.drift.fleet import DAY_MS, MODEL, Fleet

DEVICES = ("a", "b", "c", "d", "e", "f")
ROWS = 40
LEARNED = LEARNING_WINDOWS + 4
"""Days after which every verdict may come, that on the fleet included."""


def report_day(  # noqa: PLR0913  (each is what one test varies)
    fleet: Fleet,
    device_id: str,
    day: int,
    *,
    offset: float = 0.0,
    version: str = "1",
    output_offset: float = 0.0,
    rows: int = ROWS,
    slot: str = "champion",
    model: str = MODEL,
) -> None:
    """Report two features and an output, each near standard normal; the offset is of the first feature."""
    generator = np.random.default_rng([day, DEVICES.index(device_id)])
    weather = 0.1 * np.random.default_rng([day, 77]).standard_normal()
    values = generator.standard_normal((rows, 2)) + weather
    values[:, 0] += offset
    outputs = generator.standard_normal((rows, 1)) + weather + output_offset
    fleet.report(device_id, day * DAY_MS, values.astype(np.float32), outputs, version=version, slot=slot, model=model)


def report_days(  # noqa: PLR0913  (as above)
    fleet: Fleet,
    days: Iterable[int],
    offsets: Mapping[str, float] | None = None,
    *,
    version: Callable[[str], str] = lambda _: "1",
    devices: Iterable[str] = DEVICES,
    model: str = MODEL,
) -> None:
    """Report days of several devices, some of them with an offset."""
    for day in days:
        for device_id in devices:
            report_day(
                fleet,
                device_id,
                day,
                offset=(offsets or {}).get(device_id, 0.0),
                version=version(device_id),
                model=model,
            )
