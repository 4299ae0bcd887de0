"""The data of a request, as a program reads them."""

import io
from collections.abc import Mapping, Sequence

import pyarrow.parquet as pq

from fleet_server.retraining.rows import Label, TrainingRows
from fleet_server.retraining.truth import RowLabels
from tests.fleet_server.sampling.conftest import HOUR_MS, Site, sampled

REQUESTS = "/api/v1/retraining-requests"


class SomeLabels:
    """Knows one row."""

    def labels(self, model: str, version: str, device_id: str, rows: Sequence[int]) -> Mapping[int, Label]:
        assert (model, version, device_id, rows) == ("pump", "1.0", "pump-7", [3, 5])
        return {5: Label("leaking", 2.0)}


def test_rows_come_with_what_they_turned_out_to_be(site: Site) -> None:
    site.allow()
    site.send(site.sample(1, sampled(3), sampled(5, left=7.0)))
    gathered = TrainingRows(site.server._samples, SomeLabels(), site.server._bundles)
    table = pq.read_table(io.BytesIO(gathered.parquet("pump", 0, HOUR_MS)))
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


def test_a_file_that_has_not_all_says_so(site: Site) -> None:
    site.allow()
    site.send(site.sample(1, sampled(3)), site.sample(2, sampled(4)))
    server = site.server
    labels = RowLabels(server._database, server._feedback.targets)
    gathered = TrainingRows(server._samples, labels, server._bundles, max_samples=1)
    table = pq.read_table(io.BytesIO(gathered.parquet("pump", 0, HOUR_MS)))
    assert table.schema.metadata[b"leeway.truncated"] == b"true"
    assert table.column("row").to_pylist() == [4]
