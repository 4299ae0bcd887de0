"""The archiver writes each row once, by day and model, whatever comes between."""

import resource
import shutil
from pathlib import Path

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from fleet_server.archive.partitions import write_range
from fleet_server.archive.service import EVERY_MS
from tests.fleet_server.archive.conftest import Room
from tests.fleet_server.seeded_fleet import DEVICES, MODEL

HOUR_S = 3_600


def archived(room: Room) -> list[tuple[str, int]]:
    """Return device and sequence of each archived window, in order."""
    table = ds.dataset(room.folder / "windows", partitioning="hive").to_table(
        columns=["device_id", "sequence", "stream"]
    )
    keys = {(row["device_id"], row["sequence"], row["stream"]) for row in table.to_pylist()}
    assert len(keys) == len(table), "a row is there twice"
    return sorted({(device_id, sequence) for device_id, sequence, _ in keys})


def windows(*numbers: int) -> list[tuple[str, int]]:
    return sorted((device_id, number + 1) for number in numbers for device_id in DEVICES)


def test_windows_lie_by_day_and_model_in_files_named_by_ordinals(room: Room) -> None:
    room.ingest(0, 23, 24)
    room.service.archive_due()
    name = "000000000001-000000000012.parquet"
    assert room.files() == [
        f"{table}/day=2026-01-0{day}/model={MODEL}/{name}" for table in ("reports", "windows") for day in (1, 2)
    ]
    assert archived(room) == windows(0, 23, 24)
    assert room.registry.get_sample_value("leeway_archived_rows_total", {"source": "windows"}) == 3 * len(DEVICES) * 4
    assert room.service.archived_through("windows") == 12


def test_a_file_has_the_columns_of_its_table_but_the_model(room: Room) -> None:
    room.ingest(0)
    room.service.archive_due()
    for name in room.files():
        schema = room.source.schemas[name.partition("/")[0]]
        assert pq.read_schema(room.folder / name).names == [column for column in schema.names if column != "model"]


def test_what_is_new_is_written_once_an_hour(room: Room) -> None:
    room.service.archive_due()
    assert room.files() == []
    room.ingest(0)
    room.clock.advance(HOUR_S - 1)
    room.service.archive_due()
    assert room.files() == []
    room.clock.advance(1)
    room.service.archive_due()
    assert archived(room) == windows(0)
    room.service.archive_due()
    assert EVERY_MS == HOUR_S * 1000
    assert len(room.files()) == 2


def test_a_window_that_comes_late_is_in_a_file_of_its_own(room: Room) -> None:
    room.ingest(24)
    room.service.archive_due()
    before = {name: (room.folder / name).read_bytes() for name in room.files()}
    room.ingest(3)
    room.clock.advance(HOUR_S)
    room.service.archive_due()
    assert archived(room) == windows(3, 24)
    assert len(room.files()) == 4
    assert all((room.folder / name).read_bytes() == data for name, data in before.items())


def test_a_backlog_is_written_in_ranges_without_waiting_for_an_hour(room: Room) -> None:
    room.ingest(*range(30))
    for _ in range(3):
        room.service.archive_due()
    assert archived(room) == windows(*range(30))
    assert {name.rpartition("/")[2] for name in room.files()} == {
        "000000000001-000000000050.parquet",
        "000000000051-000000000100.parquet",
        "000000000101-000000000120.parquet",
    }


@pytest.mark.slow
def test_more_days_are_replayed_than_files_may_be_open(room: Room) -> None:
    days = 240
    room.clock.advance(days * 24 * HOUR_S)
    room.ingest(*range(0, days * 24, 24))
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (400, limits[1]))
    try:
        rows = write_range(room.folder, room.source, 0, days * len(DEVICES))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert len(room.files()) == 2 * days
    assert archived(room) == windows(*range(0, days * 24, 24))
    assert rows == sum(pq.read_metadata(room.folder / name).num_rows for name in room.files())


def test_an_interrupted_range_is_written_again_as_it_was(room: Room) -> None:
    room.ingest(0, 1)
    room.folder.mkdir()
    in_the_way = room.folder / "windows"
    in_the_way.write_text("no folder")
    room.change("mill-1", "", "drift", room.clock())
    with pytest.raises(ExceptionGroup) as failed:
        room.service.archive_due()
    assert "windows" in str(failed.value.exceptions[0])
    assert room.service.archived_through("windows") == 0
    assert room.service.archived_through("verdicts") == 1  # another source is not held up
    in_the_way.unlink()
    room.ingest(2)
    room.service.archive_due()
    written = [Path(name).name for name in room.files() if not name.startswith("verdicts")]
    assert written == ["000000000001-000000000008.parquet"] * 2
    assert room.service.archived_through("windows") == 8
    room.service.archive_due()
    assert archived(room) == windows(0, 1, 2)


def test_files_without_their_cursor_are_replaced(room: Room, tmp_path: Path) -> None:
    room.ingest(0)
    room.service.archive_due()
    kept = tmp_path / "kept"
    shutil.copytree(room.folder, kept)
    room.service._save(room.source, 0, writing=4)  # as if killed before the cursor moved
    room.service.archive_due()
    assert archived(room) == windows(0)
    for name in room.files():
        assert (room.folder / name).read_bytes() == (kept / name).read_bytes()
