"""What the demo plays: which weeks of 2015, what breaks, and when.

The detectors' parameters come from theory and simulation (``docs/guides/drift.md``); only
the weeks were chosen here, so that no real sensor misbehaves by itself in them. README.md
tells how they were chosen, and what happens in the other weeks::

    python -m examples.wind_turbines.scenario OUT

writes each turbine's rows into the folder OUT, as ``turbine-r80711.csv`` and so on.
"""

import argparse
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from examples.wind_turbines import turbines

WINDOW_S = 86_400
"""One report a day: 144 rows, and a whole turn of day and night in each window."""
FIRST_DAY = date(2015, 2, 5)
LAST_DAY = date(2015, 6, 1)
"""Not included: 116 days are replayed."""
SECOND_VERSION = datetime(2015, 3, 15, tzinfo=UTC)
"""When version 2 may come: the windows before have told how the turbines usually differ."""
LAST_WINDOW_END = datetime(2015, 5, 31, tzinfo=UTC)
"""Of the last window that is surely complete: a later row has been seen."""

TURBINES = tuple(turbines.device_id(turbine) for turbine in turbines.TURBINES)
FAULTY_TURBINE = "turbine-r80711"
FAULTY_FEATURE = "outdoor_temperature"
FAULT_BEGINS = datetime(2015, 5, 8, tzinfo=UTC)
FAULT_OFFSET_C = 6.0
"""What the broken thermometer adds, in °C: 0.9 of the standard deviation in training."""

SPEED = 100_000
"""Seconds of 2015 in a second: 116 days take about 100 s."""


def replay_rows(device_id: str) -> pa.Table:
    """Return what a device's sensors read during the stretch, the fault included.

    Returns:
        ``time`` (timestamp[ms, UTC]) and the features (float32); an outage is a missing value.
    """
    turbine = turbines.TURBINES[TURBINES.index(device_id)]
    table = turbines.read_turbine(turbine, FIRST_DAY, LAST_DAY).drop_columns([turbines.TARGET])
    return break_thermometer(table) if device_id == FAULTY_TURBINE else table


def break_thermometer(table: pa.Table) -> pa.Table:
    """Add the offset to the temperature from the fault's beginning on."""
    broken = pc.greater_equal(table["time"], pa.scalar(FAULT_BEGINS, pa.timestamp("ms", "UTC")))
    temperature = table[FAULTY_FEATURE]
    shifted = pc.if_else(broken, pc.add(temperature, np.float32(FAULT_OFFSET_C)), temperature)
    return table.set_column(table.schema.get_field_index(FAULTY_FEATURE), FAULTY_FEATURE, shifted)


def write_replay(device_id: str, folder: Path) -> Path:
    """Write a device's rows as CSV for ``leeway-agent run --source replay:FILE``."""
    table = replay_rows(device_id)
    text = pc.strftime(table["time"], format="%Y-%m-%dT%H:%M:%SZ")
    path = folder / f"{device_id}.csv"
    pyarrow.csv.write_csv(table.set_column(0, "time", text), path)
    return path


def main() -> None:
    """Write the rows of every device."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for device_id in TURBINES:
        write_replay(device_id, folder)


if __name__ == "__main__":
    main()
