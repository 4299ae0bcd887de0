"""Make ``la_haute_borne.parquet`` from the OpenOA wheel that carries ENGIE's data.

The wheel is fetched once, by hand, and nothing of it is installed::

    pip download openoa==3.2 --no-deps --dest /tmp/openoa
    python examples/wind_turbines/make_data.py /tmp/openoa/openoa-3.2-py3-none-any.whl

The same wheel gives the same bytes with the same pyarrow. Nothing is cleaned: outages stay
missing values, and a thermometer that reads -273.2 °C stays so. One thing is mended. The
publisher's clock repeats one hour at each start of summer time and skips one at its end,
so that hour has two rows for a time: the first of the file is kept, the second dropped
(12 of 105,120 rows for each turbine).
"""

import argparse
import io
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

ARCHIVE = "examples/data/la_haute_borne.zip"
MEMBER = "la-haute-borne-data-2014-2015.csv"
CHANNELS = {
    "P_avg": "active_power",
    "Ws_avg": "wind_speed",
    "Ba_avg": "pitch_angle",
    "Va_avg": "vane_position",
    "Ot_avg": "outdoor_temperature",
    "Ya_avg": "nacelle_direction",
    "Wa_avg": "wind_direction",
}
OUTPUT = Path(__file__).with_name("la_haute_borne.parquet")


def read_wheel(wheel: Path) -> pa.Table:
    """Return the publisher's table, with our column names.

    Returns:
        Columns ``time`` (timestamp[ms, UTC]), ``turbine`` (string) and the channels (float32).
    """
    with zipfile.ZipFile(wheel) as outer, zipfile.ZipFile(io.BytesIO(outer.read(ARCHIVE))) as inner:
        options = pyarrow.csv.ConvertOptions(column_types={"Date_time": pa.timestamp("ms", "UTC")})
        table = pyarrow.csv.read_csv(io.BytesIO(inner.read(MEMBER)), convert_options=options)
    columns = {"time": table["Date_time"], "turbine": table["Wind_turbine_name"]}
    columns |= {name: pc.cast(table[source], pa.float32(), safe=False) for source, name in CHANNELS.items()}
    return pa.table(columns)


def drop_repeated_times(table: pa.Table) -> pa.Table:
    """Sort by (time, turbine) and keep the first row of each pair, in the file's order."""
    keyed = table.append_column("row", pa.array(range(table.num_rows), pa.int64()))
    ordered = keyed.sort_by([("time", "ascending"), ("turbine", "ascending"), ("row", "ascending")])
    firsts = ordered.group_by(["time", "turbine"], use_threads=False).aggregate([("row", "min")])["row_min"]
    return ordered.filter(pc.is_in(ordered["row"], value_set=firsts.combine_chunks())).drop_columns(["row"])


def write_table(table: pa.Table, path: Path) -> None:
    """Write the table compactly: turbine and channels as dictionaries, zstd."""
    pyarrow.parquet.write_table(
        table,
        path,
        compression="zstd",
        compression_level=19,
        use_dictionary=["turbine", *CHANNELS.values()],
        row_group_size=1 << 20,
        dictionary_pagesize_limit=1 << 21,
        write_statistics=False,
        store_schema=False,
    )


def main() -> None:
    """Read the wheel named on the command line, write the Parquet file beside this script."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("wheel", type=Path, help="openoa-3.2-py3-none-any.whl")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    table = drop_repeated_times(read_wheel(arguments.wheel))
    write_table(table, arguments.output)
    print(f"{arguments.output}: {table.num_rows} rows, {arguments.output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
