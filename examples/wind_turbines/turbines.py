"""The four turbines as the model sees them: rows of features, cut from the Parquet file.

Directions are angles: 359° and 1° are neighbours, but their mean is 180°. So the model, and
with it every statistic, takes the wind's direction as two parts (cosine and sine).
"""

import tomllib
from datetime import UTC, date, datetime, time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

FOLDER = Path(__file__).parent
DATA = FOLDER / "la_haute_borne.parquet"
SCHEMA = FOLDER / "schema.toml"
TURBINES = ("R80711", "R80721", "R80736", "R80790")
FEATURES = (
    "wind_speed",
    "pitch_angle",
    "vane_position",
    "outdoor_temperature",
    "wind_from_north",
    "wind_from_east",
)
TARGET = "active_power"


def device_id(turbine: str) -> str:
    """Return the name of the device on a turbine, such as ``turbine-r80711``."""
    return f"turbine-{turbine.lower()}"


def read_turbine(turbine: str, since: date, until: date) -> pa.Table:
    """Return one turbine's rows of ``since <= day < until`` (UTC), in order of time.

    Returns:
        Columns ``time`` (timestamp[ms, UTC]), the features and the target (float32); an
        outage is a missing value.
    """
    start, end = (pa.scalar(datetime.combine(day, time(), UTC), pa.timestamp("ms", "UTC")) for day in (since, until))
    wanted = (pc.field("turbine") == turbine) & (pc.field("time") >= start) & (pc.field("time") < end)
    table = pyarrow.parquet.read_table(DATA, filters=wanted)
    direction = np.radians(table["wind_direction"].to_numpy())
    parts = {"wind_from_north": np.cos(direction), "wind_from_east": np.sin(direction)}
    for name, values in parts.items():
        table = table.append_column(name, pa.array(values, pa.float32(), from_pandas=True))
    return table.select(["time", *FEATURES, TARGET])


def plausible(table: pa.Table) -> pa.Table:
    """Keep the rows that have every value, each inside the range that ``schema.toml`` states."""
    schema = tomllib.loads(SCHEMA.read_text(encoding="utf-8"))
    keep = pc.is_valid(table[TARGET])
    for feature in schema["feature"]:
        values = table[feature["name"]]
        inside = pc.and_(pc.greater_equal(values, feature["minimum"]), pc.less_equal(values, feature["maximum"]))
        keep = pc.and_(keep, pc.fill_null(inside, fill_value=False))
    return table.filter(keep)
