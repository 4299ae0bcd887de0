"""What a source gives, and what is refused."""

import io
import threading
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from edge_agent.errors import SourceError
from edge_agent.rows import MAX_LINE_BYTES, Record
from edge_agent.sources.source import BadRow, open_source
from edge_agent.sources.stdin import LineSource

NOON_MS = 1_420_113_600_000


def read(text: str) -> list[Record | BadRow]:
    return list(open_source(text).read(threading.Event()))


@pytest.mark.parametrize(
    "text",
    [
        "nothing",
        "",
        "stdin:x",
        "stdin?speed=2",
        "replay",
        "replay:no-such-file.csv",
        "mqtt:host/topic",
        "mqtt:host:0/topic",
        "mqtt:host:1883",
        "mqtt::1883/topic",
        "mqtt:host:1883/plant/#/rows",
        "mqtt:host:1883/plant#",
        "mqtt:host:1883/a+/rows",
        "stdin?speed",
    ],
)
def test_what_is_no_source(text: str) -> None:
    with pytest.raises(SourceError):
        open_source(text)


@pytest.mark.parametrize("query", ["speed=0", "speed=fast", "speed=nan", "start=noon", "sped=1"])
def test_wrong_options_of_a_replay(tmp_path: Path, query: str) -> None:
    (tmp_path / "rows.csv").write_text("a\n1\n")
    with pytest.raises(SourceError):
        open_source(f"replay:{tmp_path / 'rows.csv'}?{query}")


def test_lines() -> None:
    lines = b'[1, 2]\n\n{"a": 1, "time": 5}\nrubbish\n' + b"1" * (3 * MAX_LINE_BYTES) + b"\n[3]"
    first, second, third, fourth, fifth = LineSource(io.BytesIO(lines)).read(threading.Event())
    assert (first, second) == (Record([1, 2]), Record({"a": 1, "time": 5}, 5))
    assert isinstance(third, BadRow)
    assert isinstance(fourth, BadRow)
    assert fifth == Record([3])


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("time,a,b\n2015-01-01T12:00:00Z,1,x\nyesterday,1,2\n1420113601000,,2\n1,2\n")
    good, no_time, missing, short = read(f"replay:{path}")
    assert good == Record({"time": "2015-01-01T12:00:00Z", "a": 1.0, "b": "x"}, NOON_MS)
    assert missing == Record({"time": NOON_MS + 1000, "a": "", "b": 2.0}, NOON_MS + 1000)
    assert [row.reason for row in (no_time, short) if isinstance(row, BadRow)] == ["row_malformed", "row_width"]


def test_csv_as_windows_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"\xef\xbb\xbfa,b\r\n1,2\r\n")
    assert read(f"replay:{path}") == [Record({"a": 1.0, "b": 2.0})]


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    times = pa.array([NOON_MS, NOON_MS + 1], pa.timestamp("ms", tz="UTC"))
    parquet.write_table(pa.table({"time": times, "a": [1.5, None]}), path)
    rows = read(f"replay:{path}")
    assert [(row.time_ms, row.values["a"]) for row in rows if isinstance(row, Record)] == [
        (NOON_MS, 1.5),
        (NOON_MS + 1, None),
    ]


def test_start_and_end_of_a_replay(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("time,a\n" + "".join(f"{NOON_MS + 1000 * n},{n}\n" for n in range(5)))
    rows = read(f"replay:{path}?start=2015-01-01T12:00:01Z&end={NOON_MS + 3000}")
    assert [row.values["a"] for row in rows if isinstance(row, Record)] == [1.0, 2.0]


def test_speed_keeps_the_pace_until_it_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("time,a\n0,0\n1000,1\n3600000,2\n")
    stop = threading.Event()
    rows = open_source(f"replay:{path}?speed=1000").read(stop)
    assert [next(rows), next(rows)]
    stop.set()
    assert list(rows) == [Record({"time": 3_600_000.0, "a": 2.0}, 3_600_000)] or not list(rows)


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet"])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"time,a\n\xff\xfe\x00\n")
    with pytest.raises(SourceError, match="cannot read"):
        read(f"replay:{tmp_path / name}")


def test_a_package_adds_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tea_source.py").write_text("def open_source(address, options):\n    return (address, dict(options))\n")
    metadata = tmp_path / "tea-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: tea\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[leeway.sources]\ntea = tea_source:open_source\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert open_source("tea:pot?sugar=2") == ("pot", {"sugar": "2"})  # type: ignore[comparison-overlap]
    with pytest.raises(SourceError, match="there are: stdin, replay, mqtt, tea"):
        open_source("coffee")


def test_a_source_that_cannot_be_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = tmp_path / "mud-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: mud\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[leeway.sources]\nmud = no_such_module:open_source\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SourceError, match="'mud' cannot be loaded: ModuleNotFoundError"):
        open_source("mud")


@pytest.mark.parametrize("topic", ["#", "plant/+/rows", "plant/#", "a//b"])
def test_a_topic_may_be_a_filter(topic: str) -> None:
    assert open_source(f"mqtt:host:1883/{topic}")
