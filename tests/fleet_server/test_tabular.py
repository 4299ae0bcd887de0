"""One list as JSON, Arrow and CSV, whichever the client asks for."""

import csv
import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx
import pyarrow as pa
import pytest
import uvicorn
from fastapi import FastAPI, Response
from pydantic import BaseModel

from fleet_server import web
from fleet_server.errors import NotAcceptableError, NotFoundError
from fleet_server.tabular import TABLES, TIME, Format, Wanted, acceptable, batch, every_page, respond
from fleet_server.web import Cursor, Limit, Page, parse_ordinal
from tests.fleet_server.conftest import AppClient
from tests.support.ports import free_port

ARROW, CSV = "application/vnd.apache.arrow.stream", "text/csv"
COUNT = 1200
SCHEMA = pa.schema([("number", pa.int64()), ("note", pa.string()), ("halves", pa.list_(pa.float64()))])


class Item(BaseModel):
    number: int
    note: str | None
    halves: list[float]


def page(last: int, limit: int, cursor: str | None) -> Page[Item]:
    start = (parse_ordinal(cursor) or 0) + 1
    items = [
        Item(number=i, note='a "b", c' if i % 2 else None, halves=[i / 2])
        for i in range(start, min(start + limit, last) + 1)
    ]
    return Page[Item].cut(items, limit, lambda item: str(item.number))


def listing() -> FastAPI:
    app = FastAPI()
    web.install(app)

    @app.get("/numbers", response_model=Page[Item], responses=TABLES)
    def list_numbers(wanted: Wanted, last: int = COUNT, limit: Limit = 50, cursor: Cursor = None) -> object:
        if wanted is Format.JSON:
            return page(last, limit, cursor)
        return respond(wanted, SCHEMA, batches(last))

    def batches(last: int) -> Any:
        if last < 0:
            raise NotFoundError("no numbers")
        for items in every_page(partial(page, last)):
            yield batch(SCHEMA, (item.model_dump() for item in items))

    return app


@pytest.fixture(scope="module")
def http() -> AppClient:
    return AppClient(listing(), "")


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", Format.JSON),
        ("*/*", Format.JSON),
        ("text/html, */*;q=0.1", Format.JSON),
        ("text/*", Format.CSV),
        ("Text/CSV; charset=utf-8", Format.CSV),
        (f"application/json;q=0.5, {ARROW}", Format.ARROW),
        (f"{ARROW};q=0.9, {CSV};q=0.9", Format.ARROW),
        ("*/*, application/*;q=0", Format.CSV),
        ("application/json;q=much, text/csv;q=0.1", Format.CSV),
        ("application/json;q=nan, text/csv;q=0.1", Format.CSV),
    ],
)
def test_the_most_specific_range_decides(accept: str, form: Format) -> None:
    assert acceptable(accept) is form


@pytest.mark.parametrize("accept", ["text/html", "*/*;q=0", "nonsense", "application/json;q=0", ";;,;"])
def test_what_nothing_satisfies_is_refused(accept: str) -> None:
    with pytest.raises(NotAcceptableError, match="format=json"):
        acceptable(accept)


def test_json_comes_in_pages(http: AppClient) -> None:
    answer = http.get("/numbers", params={"limit": 2})
    assert [item["number"] for item in answer.json()["items"]] == [1, 2]
    assert (answer.json()["next_cursor"], answer.headers["vary"]) == ("2", "Accept")


def test_arrow_is_the_whole_table(http: AppClient) -> None:
    answer = http.get("/numbers", headers={"Accept": ARROW})
    assert (answer.headers["content-type"], answer.headers["vary"]) == (ARROW, "Accept")
    table = pa.ipc.open_stream(answer.content).read_all()
    assert table.schema == SCHEMA
    assert table["number"].to_pylist() == list(range(1, COUNT + 1))
    assert table.slice(1, 1).to_pylist() == [{"number": 2, "note": None, "halves": [1.0]}]


def test_csv_is_the_whole_table_with_lists_as_json(http: AppClient) -> None:
    answer = http.get("/numbers", params={"format": "csv"}, headers={"Accept": ARROW})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == COUNT
    assert rows[:2] == [
        {"number": "1", "note": 'a "b", c', "halves": "[0.5]"},
        {"number": "2", "note": "", "halves": "[1.0]"},
    ]


@pytest.mark.parametrize("form", ["arrow", "csv"])
def test_an_empty_table_has_its_columns(http: AppClient, form: str) -> None:
    content = http.get("/numbers", params={"format": form, "last": 0}).content
    names = pa.ipc.open_stream(content).read_all().column_names if form == "arrow" else content.decode().split(",")
    assert [name.strip('"\n') for name in names] == SCHEMA.names


def test_milliseconds_become_a_time() -> None:
    schema = pa.schema([("since", TIME), ("device_id", pa.string())])
    made = batch(schema, [{"since_ms": 1_000, "device_id": "a", "other": 1}, {"since_ms": None}])
    assert made.to_pylist() == [
        {"since": datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), "device_id": "a"},
        {"since": None, "device_id": None},
    ]


def test_what_fails_before_the_first_batch_is_a_problem(http: AppClient) -> None:
    answer = http.get("/numbers", params={"format": "arrow", "last": -1})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("parameters", "accept", "status", "code"),
    [({}, "text/html", 406, "not_acceptable"), ({"format": "xml"}, "*/*", 422, "invalid_request")],
)
def test_another_representation_is_a_problem(
    http: AppClient, parameters: dict[str, str], accept: str, status: int, code: str
) -> None:
    answer = http.get("/numbers", params=parameters, headers={"Accept": accept})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["arrow", "csv"])
def test_what_fails_later_cuts_the_connection(form: str) -> None:
    with serving(failing()) as url, pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{url}/numbers", params={"format": form}, trust_env=False)


def failing() -> FastAPI:
    """Make an application whose table breaks off after its first batch."""
    app = FastAPI()
    web.install(app)

    @app.get("/numbers")
    def list_numbers(wanted: Wanted) -> Response:
        return respond(wanted, SCHEMA, batches())

    def batches() -> Iterator[pa.RecordBatch]:
        yield batch(SCHEMA, [{"number": 1}])
        raise NotFoundError("the rest is gone")

    return app


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Serve an application on a port of this machine."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()
