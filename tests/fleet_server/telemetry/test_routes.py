"""The telemetry over HTTP, in the whole application."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from device_contract.baseline import encode_baseline
from fleet_server.broker.ingest import Inbound
from fleet_server.bundles.tables import BaselineRow
from fleet_server.db import Database
from fleet_server.devices.tables import DeviceRow
from fleet_server.telemetry.service import TelemetryService
from tests.fleet_server.conftest import SharedServer
from tests.fleet_server.telemetry.test_telemetry import (
    BASELINE,
    BASELINE_SHA256,
    BOOT,
    HOUR_MS,
    Catalogue,
    report,
    summary_of,
)

WINDOWS = "/api/v1/devices/turbine-1/windows"


@pytest.fixture(scope="module")
def reporting(shared: SharedServer) -> Iterator[Any]:
    """A client of an application in whose database one device has sent five reports."""
    database = Database(shared.database_url)
    telemetry = TelemetryService(database, Catalogue(), shared.clock, registry=CollectorRegistry())
    device = DeviceRow(
        device_id="turbine-1", state="active", profile="generic-x86_64", enrolled_ms=1, certificate_expires_ms=2
    )
    reports = [report(1), report(2, model="other"), report(3), report(4)]
    reports.append(report(9, rows=4))
    reports.append(report(5, rows=2, summary=summary_of(math.nan, math.inf)))
    with database.session() as session:
        session.add(device)
        session.add(BaselineRow(sha256=BASELINE_SHA256, data=encode_baseline(BASELINE)))
        telemetry.ingest_reports(session, [Inbound(made.device_id, made) for made in reports])
    yield shared.http
    database.close()


def test_a_window_tells_each_stream(reporting: Any) -> None:
    window = reporting.get(WINDOWS).json()["items"][-1]
    assert (window["boot_id"], window["sequence"], window["rows"]) == (BOOT, 1, 3)
    assert (window["window_start_ms"], window["window_end_ms"]) == (HOUR_MS, 2 * HOUR_MS)
    temperature, power = window["streams"]
    assert temperature == {
        "name": "temperature",
        "role": "feature",
        "kind": "number",
        "finite": 3,
        "missing": 0,
        "infinite": 0,
        "out_of_range": 0,
        "repeats": 0,
        "longest_run": 1,
        "mean": 0.5,
        "standard_deviation": pytest.approx(math.sqrt(1 / 24), rel=1e-5),
        "minimum": 0.25,
        "maximum": 0.75,
        "lag1_correlation": 0.0,
        "edges": [0.0, 1.0],
        "counts": [0, 3, 0],
    }
    assert (power["name"], power["mean"], power["counts"]) == ("power", 1.0, [0, 1, 2])


def test_what_no_value_defines_is_null(reporting: Any) -> None:
    temperature = reporting.get(WINDOWS).json()["items"][0]["streams"][0]
    assert (temperature["finite"], temperature["missing"], temperature["infinite"]) == (0, 1, 1)
    undefined = ("mean", "standard_deviation", "minimum", "maximum")
    assert [temperature[name] for name in undefined] == [None] * 4


def test_windows_come_in_pages_and_by_model(reporting: Any) -> None:
    first = reporting.get(WINDOWS, params={"model": "power", "limit": 3}).json()
    assert [window["sequence"] for window in first["items"]] == [5, 4, 3]
    rest = reporting.get(WINDOWS, params={"model": "power", "cursor": first["next_cursor"]}).json()
    assert [window["sequence"] for window in rest["items"]] == [1]
    assert rest["next_cursor"] is None


def test_totals_add_up(reporting: Any, shared: SharedServer) -> None:
    assert reporting.get("/api/v1/devices/turbine-1/telemetry").json() == {
        "device_id": "turbine-1",
        "rows_scored": 14,
        "reports_ingested": 5,
        "last_window_end_ms": 6 * HOUR_MS,
        "last_received_ms": shared.clock(),
    }


def test_what_was_refused_is_explained(reporting: Any, shared: SharedServer) -> None:
    body = reporting.get("/api/v1/devices/turbine-1/refusals").json()
    (refusal,) = body["refusals"]
    assert "disagree on the number of rows" in refusal.pop("meaning")
    assert refusal == {
        "reason": "wrong_rows",
        "reports": 1,
        "first_ms": shared.clock(),
        "last_ms": shared.clock(),
        "sequence": 9,
        "window_start_ms": 9 * HOUR_MS,
        "window_end_ms": 10 * HOUR_MS,
        "detail": "4 rows in the report, 3 in its statistics",
    }


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v1/devices/nobody/windows", 404, "not_found"),
        ("/api/v1/devices/nobody/telemetry", 404, "not_found"),
        ("/api/v1/devices/nobody/refusals", 404, "not_found"),
        (f"{WINDOWS}?cursor=-1", 422, "invalid_request"),
        (f"{WINDOWS}?cursor={'9' * 30}", 422, "invalid_request"),
        (f"{WINDOWS}?limit=501", 422, "invalid_request"),
        (f"{WINDOWS}?model=No%20Name", 422, "invalid_request"),
    ],
)
def test_a_wrong_request_is_a_problem(reporting: Any, path: str, status: int, code: str) -> None:
    answer = reporting.get(path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_no_window_is_open_to_strangers(reporting: Any) -> None:
    assert reporting.as_holder("").get(WINDOWS).status_code == 401
