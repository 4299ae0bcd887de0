"""Sampled rows as columns, for programs that learn from them."""

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from device_contract.manifest import Manifest
from fleet_server.sampling.service import rows_of
from fleet_server.sampling.tables import SampleRow


def schema_of(manifest: Manifest) -> pa.Schema:
    """Return the columns of a version's rows: which row it is, ``feature:`` and ``output:`` by name, contributions.

    ``contributions`` is a list of (n_features, explained scores), row by row; null where the
    device sent none.
    """
    return pa.schema(
        [
            ("device_id", pa.string()),
            ("row", pa.int64()),
            ("time_ms", pa.int64()),
            ("window_start_ms", pa.int64()),
            ("window_end_ms", pa.int64()),
            ("rows_seen", pa.int64()),
            *((f"feature:{feature.name}", pa.float32()) for feature in manifest.features),
            *((f"output:{output.name}", pa.float64()) for output in manifest.outputs),
            ("contributions", pa.list_(pa.float32())),
        ]
    )


def record_batch(samples: Sequence[SampleRow], manifest: Manifest) -> pa.RecordBatch:
    """Return the rows of samples of one version; NaN where a value was missing or redacted."""
    pairs = [(sample, row) for sample in samples for row in rows_of(sample)]
    columns = [
        [sample.device_id for sample, _ in pairs],
        [row.row for _, row in pairs],
        [row.time_ms for _, row in pairs],
        [sample.window_start_ms for sample, _ in pairs],
        [sample.window_end_ms for sample, _ in pairs],
        [sample.rows_seen for sample, _ in pairs],
        *matrix((row.values for _, row in pairs), "<f4", len(manifest.features)).T,
        *matrix((row.outputs for _, row in pairs), "<f8", len(manifest.outputs)).T,
        [np.frombuffer(row.contributions, "<f4") if row.contributions else None for _, row in pairs],
    ]
    schema = schema_of(manifest)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def matrix(rows: Iterable[bytes], dtype: str, width: int) -> NDArray[np.floating]:
    """Return packed rows as numbers, (n_rows, width)."""
    return np.frombuffer(b"".join(rows), dtype).reshape(-1, width)
