"""The guide describes what there is: settings, routes, roles, commands."""

import json
import re
from pathlib import Path

import msgspec
import pytest
from typer.main import get_command

from detectors import DEFAULT_RATE
from fleet_server.app import FleetServer
from fleet_server.auth import Role
from fleet_server.cli import app
from fleet_server.commands import GROUPS
from fleet_server.settings import Settings
from tests.fleet_server.conftest import AppClient

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
GUIDE = (GUIDES / "server.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return GUIDE.split(f"## {title}\n")[1].split("\n## ")[0]


def test_each_setting_has_its_row_with_its_default() -> None:
    described = dict(re.findall(r"^\| `(\w+)` \| `(.+?)` \|", section("Settings"), re.MULTILINE))
    assert described == {field.name: json.dumps(field.default) for field in msgspec.structs.fields(Settings)}


def test_the_guides_tell_the_default_of_the_knob() -> None:
    assert f"left out: the detectors' {DEFAULT_RATE};" in section("Settings")
    assert f"where that is left out it is {DEFAULT_RATE}," in (GUIDES / "drift.md").read_text(encoding="utf-8")


def test_each_route_has_its_row_and_no_other_has(server: FleetServer) -> None:
    described = set(re.findall(r"^\| `([A-Z]+ /\S*)` \|", section("Routes"), re.MULTILINE))
    paths = server.app.openapi()["paths"]
    assert described == {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}


@pytest.mark.slow
def test_each_route_admits_the_role_of_its_row_and_no_other(http: AppClient) -> None:
    rows = re.findall(r"^\| `([A-Z]+) (/\S*)` \| `(\w+)` \|", section("Routes"), re.MULTILINE)
    holders = {
        role: http.as_holder(http.post("/api/v1/tokens", json={"name": "x", "role": role}).json()["token"])
        for role in Role
    }
    for method, path, role in rows:
        filled = re.sub(r"\{\w+\}", "x1", path)
        admitted = {
            name for name, holder in holders.items() if holder.request(method, filled, json={}).status_code != 403
        }
        assert admitted == (set(Role) if role == Role.VIEWER else {Role(role), Role.ADMIN}), (method, path)


def test_each_role_has_its_row() -> None:
    assert re.findall(r"^\| `(\w+)` \|", section("Who may do what"), re.MULTILINE) == [role.value for role in Role]


def test_each_command_has_its_row() -> None:
    described = {name.split()[0] for name in re.findall(r"^\| `leeway-fleet ([a-z -]+?) --data", GUIDE, re.MULTILINE)}
    assert described == set(get_command(app).commands) - set(GROUPS)  # type: ignore[attr-defined]  # a group


def test_each_metric_has_its_row_and_no_other_has(http: AppClient) -> None:
    described = set(re.findall(r"^\| `(leeway_\w+)", section("Metrics"), re.MULTILINE))
    exported = set(re.findall(r"^# TYPE (\w+) ", http.get("/metrics").text, re.MULTILINE))
    assert described == {name for name in exported if not name.endswith("_created")}
