"""The data of a request: sampled rows of the model as Parquet, each with its label where it is known.

The file is made while it is sent, a row group of some samples at a time, so that its length
costs no memory.
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from device_contract.manifest import Manifest
from fleet_server.bundles.service import BundleService
from fleet_server.sampling.columns import record_batch
from fleet_server.sampling.service import SampleService, Selection
from fleet_server.sampling.tables import SampleRow
from fleet_server.tabular import drain

MAX_SAMPLES: Final = 200_000
"""Each has at most 256 rows: 51 million."""
GROUP_SAMPLES: Final = 100
"""Samples of a row group."""
TRUNCATED: Final = "leeway.truncated"
"""Key of the file's metadata: ``true`` where there are more rows than the file has."""

_DROPPED: Final = ["window_start_ms", "window_end_ms", "rows_seen", "contributions"]
_BEHIND: Final = [("label", pa.string()), ("weight", pa.float64())]
_EMPTY: Final = pa.schema(
    [("device_id", pa.string()), ("version", pa.string()), ("row", pa.int64()), ("time_ms", pa.int64()), *_BEHIND]
).empty_table()


@dataclass(frozen=True)
class Label:
    """What a row turned out to be."""

    value: float | str
    weight: float = 1.0


class RowPlace(NamedTuple):
    """Which row: its device, the version that scored it, its number, and its event time."""

    device_id: str
    version: str
    row: int
    time_ms: int | None = None


class Labels(Protocol):
    """Whoever knows what rows turned out to be."""

    def labels(self, model: str, places: Sequence[RowPlace]) -> Mapping[RowPlace, Label]:
        """Return the labels of a model's rows; those without one are missing."""


class TrainingRows:
    """Gathers rows.

    Args:
        samples: The sampled rows.
        labels: What they turned out to be.
        bundles: Knows the names of a version's features and outputs.
        max_samples: The newest that one file takes.
        group_samples: The samples of a row group.
    """

    def __init__(
        self,
        samples: SampleService,
        labels: Labels,
        bundles: BundleService,
        *,
        max_samples: int = MAX_SAMPLES,
        group_samples: int = GROUP_SAMPLES,
    ) -> None:
        self._samples = samples
        self._labels = labels
        self._bundles = bundles
        self._max_samples = max_samples
        self._group_samples = group_samples

    def parquet(self, model: str, since_ms: int, until_ms: int) -> Iterator[bytes]:
        """Return the rows of a model in [since_ms, until_ms), the newest samples first, as a file's parts.

        Columns: ``device_id``, ``version``, ``row``, ``time_ms``, ``feature:`` and ``output:`` by name
        (null where a version does not have it), ``label`` as text and ``weight``, null where it is
        not known.
        """
        selection = Selection(model=model, since_ms=since_ms, until_ms=until_ms)
        manifests = {sha256: self._bundles.manifest(sha256) for sha256 in self._samples.bundles(selection)}
        schema = _schema([manifest for manifest in manifests.values() if manifest is not None])
        sink, left, is_truncated = io.BytesIO(), self._max_samples, False
        # with the schema stored, readers would take its metadata for the file's, which end it
        with pq.ParquetWriter(sink, schema, store_schema=False) as writer:
            for page in self._pages(selection):
                is_truncated = len(page) > left
                tables = [schema.empty_table(), *self._tables(page[:left], manifests)]
                writer.write_table(pa.concat_tables(tables, promote_options="default"))
                yield drain(sink)
                if is_truncated:
                    break
                left -= len(page)
            writer.add_key_value_metadata({TRUNCATED: "true" if is_truncated else "false"})
        yield drain(sink)

    def _pages(self, selection: Selection) -> Iterator[Sequence[SampleRow]]:
        before = None
        while page := self._samples.samples(selection, limit=self._group_samples, before=before):
            yield page
            before = page[-1].ordinal

    def _tables(self, samples: Sequence[SampleRow], manifests: Mapping[str, Manifest | None]) -> Iterator[pa.Table]:
        """Return a table for each bundle."""
        ordered = sorted(samples, key=lambda sample: (sample.bundle_sha256, sample.device_id, sample.ordinal))
        for sha256, group in groupby(ordered, lambda sample: sample.bundle_sha256):
            manifest = manifests.get(sha256)
            if manifest is not None:
                table = _table(list(group), manifest)
                named = zip(*(table.column(name).to_pylist() for name in RowPlace._fields), strict=True)
                places = [RowPlace(*place) for place in named]
                labels = self._labels.labels(manifest.model, places)
                yield _labelled(table, [labels.get(place) for place in places])


def _schema(manifests: Iterable[Manifest]) -> pa.Schema:
    """Return the columns of the rows of all bundles."""
    tables = [_labelled(_table([], manifest), []) for manifest in manifests]
    columns = pa.concat_tables([_EMPTY, *tables], promote_options="default").schema
    behind = [name for name, _ in _BEHIND]
    names = [name for name in columns.names if name not in behind] + behind
    return pa.schema([columns.field(name) for name in names])


def _table(samples: Sequence[SampleRow], manifest: Manifest) -> pa.Table:
    table = pa.Table.from_batches([record_batch(samples, manifest)])
    versions = pa.array([manifest.version] * len(table), pa.string())
    return table.drop_columns(_DROPPED).add_column(1, "version", versions)


def _labelled(table: pa.Table, labels: Sequence[Label | None]) -> pa.Table:
    texts = pa.array([None if label is None else str(label.value) for label in labels], pa.string())
    weights = pa.array([None if label is None else label.weight for label in labels], pa.float64())
    return table.append_column("label", texts).append_column("weight", weights)
