"""Health, metrics, and the page that describes the interface."""

import re

import pytest

from tests.fleet_server.conftest import AppClient

ASSETS = ("/docs/favicon.png", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css")


def test_health_tells_what_is_missing(http: AppClient) -> None:
    answer = http.as_holder("").get("/health")
    assert answer.status_code == 503
    assert answer.json() == {"status": "degraded", "parts": {"database": True, "broker": False}}


def test_metrics_count(http: AppClient) -> None:
    text = http.get("/metrics").text
    assert 'leeway_tuf_expiry_seconds{role="timestamp"} 604800.0' in text
    assert "leeway_control_failures" in text


def test_the_docs_page_asks_no_other_server(http: AppClient) -> None:
    page = http.get("/docs").text
    addresses = re.findall(r"""(?:href|src)="([^"]*)"|url: '([^']*)'""", page)
    assert {either or other for either, other in addresses} == {*ASSETS, "https://fleet/openapi.json"}
    assert set(re.findall(r"https?://[^/'\"]*", page)) == {"https://fleet"}
    assert '"validatorUrl": null' in page


@pytest.mark.parametrize("asset", ASSETS)
def test_the_docs_page_is_served_whole_to_who_has_a_token(http: AppClient, asset: str) -> None:
    assert http.as_holder("").get(asset).status_code == 401
    answer = http.get(asset)
    assert answer.status_code == 200
    assert len(answer.content) > 1000
    assert http.get(f"{asset}.map").headers["content-type"] == "application/problem+json"
