"""Parquet files by table, day and model: ``windows/day=2026-11-29/model=power/000000000001-000000000042.parquet``.

A file is written under another name, synced, and then renamed: under its own name it is whole. The
numbers are the ordinals that it holds, so writing a range again replaces its files and adds none.
What arrives late lies in a later file of its day.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fleet_server.archive.source import Source
from fleet_server.trust.files import sync_folder

ORDINAL_DIGITS = 12
MAX_OPEN = 256
"""Files open at once: devices replay years, and a process may often open a thousand."""


@dataclass(frozen=True, order=True)
class Partition:
    """Where rows belong."""

    table: str
    day: str
    model: str

    def folder(self, root: Path) -> Path:
        """Return its folder, named as Hive names partitions."""
        return root / self.table / f"day={self.day}" / f"model={self.model}"


def write_range(root: Path, source: Source, after: int, until: int) -> int:
    """Write the rows of a range of ordinals; on return they are on the disk.

    Args:
        root: The archive's folder.
        source: Whose rows.
        after: The ordinal before the first.
        until: The last ordinal.

    Returns:
        How many rows there were, in all tables.
    """
    name = f"{after + 1:0{ORDINAL_DIGITS}}-{until:0{ORDINAL_DIGITS}}.parquet"
    drafts: dict[Partition, Path] = {}
    rows, is_left = 0, True
    while is_left:  # what too many days were open for is read once more
        written, is_left = _write_drafts(root, name, source, source.read(after, until), drafts)
        rows += written
    for draft in drafts.values():
        _sync_file(draft)
        draft.replace(draft.with_name(name))
        for folder in draft.parents[:4]:  # any of them may be new, up to the archive's own
            sync_folder(folder)
    return rows


def _write_drafts(
    root: Path,
    name: str,
    source: Source,
    batches: Iterable[tuple[str, pa.RecordBatch]],
    drafts: dict[Partition, Path],
) -> tuple[int, bool]:
    """Write as many partitions that have no draft yet as may be open at once.

    Returns:
        How many rows were written, and whether partitions without a draft are left.
    """
    writers: dict[Partition, pq.ParquetWriter] = {}
    rows, is_left = 0, False
    with ExitStack() as open_files:
        for table, batch in batches:
            for partition, part in split(table, batch, source.time):
                if partition not in drafts and len(writers) < MAX_OPEN:
                    drafts[partition] = _draft(partition.folder(root), name)
                    writers[partition] = open_files.enter_context(_open(drafts[partition], part.schema))
                if partition in writers:
                    writers[partition].write_batch(part)
                    rows += len(part)
                is_left = is_left or partition not in drafts
    return rows, is_left


def split(table: str, batch: pa.RecordBatch, time: str) -> Iterator[tuple[Partition, pa.RecordBatch]]:
    """Take a batch apart by day and model; the model is left out, since the folder's name tells it."""
    days, models = pc.strftime(batch[time], "%Y-%m-%d"), batch["model"]
    pairs = sorted(set(zip(days.to_pylist(), models.to_pylist(), strict=True)))
    for day, model in pairs:
        chosen = pc.and_(pc.equal(days, day), pc.equal(models, model))
        yield Partition(table, day, model), batch.filter(chosen).drop_columns(["model"])


def _draft(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f".{name}.draft"


def _open(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(path, schema, compression="zstd")


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
