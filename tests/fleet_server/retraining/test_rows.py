"""The data of a request, as a program reads them."""

import io
from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fleet_server.retraining.rows import Label, RowPlace, TrainingRows
from fleet_server.retraining.truth import RowLabels
from tests.fleet_server.sampling.conftest import HOUR_MS, Site, sampled

REQUESTS = "/api/v1/retraining-requests"


class SomeLabels:
    """Knows one row."""

    def labels(self, model: str, places: Sequence[RowPlace]) -> Mapping[RowPlace, Label]:
        assert (model, places) == ("pump", [RowPlace("pump-7", "1.0", row, row * 1000) for row in (3, 5)])
        return {places[1]: Label("leaking", 2.0)}


def table_of(parts: Iterable[bytes]) -> pa.Table:
    return pq.read_table(io.BytesIO(b"".join(parts)))


def test_rows_come_with_what_they_turned_out_to_be(site: Site) -> None:
    site.allow()
    site.send(site.sample(1, sampled(3), sampled(5, left=7.0)))
    gathered = TrainingRows(site.server.rooms.samples, SomeLabels(), site.server.rooms.bundles)
    table = table_of(gathered.parquet("pump", 0, HOUR_MS))
    assert table.column_names[:4] == ["device_id", "version", "row", "time_ms"]
    assert table.column("label").to_pylist() == [None, "leaking"]
    assert table.column("weight").to_pylist() == [None, 2.0]
    assert [name for name in table.column_names if name.startswith("feature:")]
    assert 7.0 in table.to_pylist()[1].values()


def test_without_a_row_the_file_is_empty_and_sound(site: Site) -> None:
    request = site.http.post(REQUESTS, json={"model": "pump", "reason": ""}).json()
    answer = site.http.get(f"{REQUESTS}/{request['request_id']}/rows")
    table = pq.read_table(io.BytesIO(answer.content))
    assert (answer.status_code, len(table), "label" in table.column_names) == (200, 0, True)


@pytest.fixture
def three(site: Site) -> Site:
    """A site whose device sent three samples of one row each."""
    site.allow()
    site.send(*(site.sample(sequence, sampled(row)) for sequence, row in ((1, 3), (2, 4), (3, 5))))
    return site


def gathered(site: Site, **limits: int) -> list[bytes]:
    server = site.server
    labels = RowLabels(server.rooms.database, server.rooms.feedback.targets)
    return list(TrainingRows(server.rooms.samples, labels, server.rooms.bundles, **limits).parquet("pump", 0, HOUR_MS))


@pytest.mark.parametrize(
    ("max_samples", "rows", "told"), [(1, [5], b"true"), (2, [5, 4], b"true"), (3, [5, 4, 3], b"false")]
)
def test_a_file_that_has_not_all_says_so(three: Site, max_samples: int, rows: list[int], told: bytes) -> None:
    table = table_of(gathered(three, max_samples=max_samples, group_samples=1))
    assert table.schema.metadata[b"leeway.truncated"] == told
    assert table.column("row").to_pylist() == rows


def test_the_file_is_made_a_row_group_at_a_time(three: Site) -> None:
    parts = gathered(three, group_samples=2)
    assert len(parts) == 3  # two row groups, and the footer
    file = pq.ParquetFile(io.BytesIO(b"".join(parts)))
    assert [file.metadata.row_group(place).num_rows for place in range(file.num_row_groups)] == [2, 1]
