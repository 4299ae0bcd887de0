"""The data of a request: sampled rows of the model as Parquet, each with its label where it is known."""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from device_contract.manifest import Manifest
from fleet_server.bundles.service import BundleService
from fleet_server.sampling.columns import record_batch
from fleet_server.sampling.service import SampleService, Selection
from fleet_server.sampling.tables import SampleRow

MAX_SAMPLES: Final = 2000
"""Each has at most 256 rows."""
_PAGE: Final = 500
TRUNCATED: Final = b"leeway.truncated"
"""Key of the file's metadata: ``true`` where there are more rows than the file has."""

_DROPPED: Final = ["window_start_ms", "window_end_ms", "rows_seen", "contributions"]


@dataclass(frozen=True)
class Label:
    """What a row turned out to be."""

    value: float | str
    weight: float = 1.0


class Labels(Protocol):
    """Whoever knows what rows turned out to be."""

    def labels(self, model: str, version: str, device_id: str, rows: Sequence[int]) -> Mapping[int, Label]:
        """Return the labels of a device's rows, by their numbers; those without one are missing."""


class TrainingRows:
    """Gathers rows.

    Args:
        samples: The sampled rows.
        labels: What they turned out to be.
        bundles: Knows the names of a version's features and outputs.
        max_samples: The newest that one file takes.
    """

    def __init__(
        self, samples: SampleService, labels: Labels, bundles: BundleService, *, max_samples: int = MAX_SAMPLES
    ) -> None:
        self._samples = samples
        self._labels = labels
        self._bundles = bundles
        self._max_samples = max_samples

    def parquet(self, model: str, since_ms: int, until_ms: int) -> bytes:
        """Return the rows of a model in [since_ms, until_ms).

        Columns: ``device_id``, ``version``, ``row``, ``time_ms``, ``feature:`` and ``output:`` by name
        (null where a version does not have it), ``label`` as text and ``weight``, null where it is
        not known.
        """
        found = self._found(model, since_ms, until_ms)
        tables = list(self._tables(found[: self._max_samples]))
        whole = pa.concat_tables(tables, promote_options="default") if tables else _empty()
        is_truncated = b"true" if len(found) > self._max_samples else b"false"
        sink = io.BytesIO()
        pq.write_table(whole.replace_schema_metadata({TRUNCATED: is_truncated}), sink)
        return sink.getvalue()

    def _found(self, model: str, since_ms: int, until_ms: int) -> Sequence[SampleRow]:
        selection = Selection(model=model, since_ms=since_ms, until_ms=until_ms)
        found: list[SampleRow] = []
        while len(found) <= self._max_samples:
            page = self._samples.samples(selection, limit=_PAGE, before=found[-1].ordinal if found else None)
            found += page
            if len(page) < _PAGE:
                break
        return found

    def _tables(self, samples: Sequence[SampleRow]) -> Iterator[pa.Table]:
        """Return a table for each bundle and device."""
        ordered = sorted(samples, key=lambda sample: (sample.bundle_sha256, sample.device_id, sample.ordinal))
        for (sha256, device_id), group in groupby(ordered, lambda sample: (sample.bundle_sha256, sample.device_id)):
            manifest = self._bundles.manifest(sha256)
            if manifest is not None:
                table = _table(list(group), manifest)
                rows = table.column("row").to_pylist()
                labels = self._labels.labels(manifest.model, manifest.version, device_id, rows)
                yield _labelled(table, [labels.get(row) for row in rows])


def _table(samples: Sequence[SampleRow], manifest: Manifest) -> pa.Table:
    table = pa.Table.from_batches([record_batch(samples, manifest)])
    versions = pa.array([manifest.version] * len(table), pa.string())
    return table.drop_columns(_DROPPED).add_column(1, "version", versions)


def _labelled(table: pa.Table, labels: Sequence[Label | None]) -> pa.Table:
    texts = pa.array([None if label is None else str(label.value) for label in labels], pa.string())
    weights = pa.array([None if label is None else label.weight for label in labels], pa.float64())
    return table.append_column("label", texts).append_column("weight", weights)


def _empty() -> pa.Table:
    names = {"device_id": pa.string(), "version": pa.string(), "row": pa.int64(), "time_ms": pa.int64()}
    return pa.schema([*names.items(), ("label", pa.string()), ("weight", pa.float64())]).empty_table()
