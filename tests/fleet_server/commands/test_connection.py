from pathlib import Path

import pytest

from fleet_server.commands.command import parse_labels
from fleet_server.commands.connection import Connection, resolve
from fleet_server.commands.deployments import parse_waves
from fleet_server.commands.errors import UsageError

NOTHING = {"server": None, "token": None, "ca": None, "data": None}
ENVIRONMENT = {"LEEWAY_SERVER": "https://env:1/", "LEEWAY_TOKEN": "t-env", "LEEWAY_CA": "/env.pem"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "fleet.toml").write_text('host = "fleet.local"\nhttp_port = 8443\n')
    (tmp_path / "admin.token").write_text("t-data\n")
    return tmp_path


def test_the_environment_names_all_three() -> None:
    found = resolve(**NOTHING, environment=ENVIRONMENT)
    assert found == Connection(server="https://env:1", token="t-env", ca=Path("/env.pem"))


def test_a_data_folder_comes_before_the_environment(data: Path) -> None:
    found = resolve(**NOTHING | {"data": data}, environment=ENVIRONMENT)
    assert found == Connection(server="https://fleet.local:8443", token="t-data", ca=data / "ca" / "ca.crt")


def test_an_option_comes_before_everything(data: Path) -> None:
    options = {"server": "https://option:2", "token": "t-option", "ca": Path("/o.pem"), "data": data}
    found = resolve(**options, environment=ENVIRONMENT)
    assert found == Connection(server="https://option:2", token="t-option", ca=Path("/o.pem"))


def test_without_a_ca_the_system_is_believed() -> None:
    found = resolve(**NOTHING, environment={"LEEWAY_SERVER": "https://env:1", "LEEWAY_TOKEN": "t"})
    assert found.ca is None


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "no server"),
        ({"LEEWAY_SERVER": "https://env:1"}, "no token"),
        (ENVIRONMENT | {"LEEWAY_SERVER": "http://env:1"}, "not an https address"),
        (ENVIRONMENT | {"LEEWAY_TOKEN": "two\nlines"}, "no token has"),
        (ENVIRONMENT | {"LEEWAY_TOKEN": "clé"}, "no token has"),
    ],
)
def test_what_is_missing_or_wrong_is_said(environment: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        resolve(**NOTHING, environment=environment)


def test_a_folder_that_is_none_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no readable data folder.*leeway-fleet init"):
        resolve(**NOTHING | {"data": tmp_path}, environment=ENVIRONMENT)


def test_labels_are_read() -> None:
    assert parse_labels(["site=north", "note=a=b", "empty="]) == {"site": "north", "note": "a=b", "empty": ""}
    with pytest.raises(UsageError, match="KEY=VALUE"):
        parse_labels(["north"])


def test_waves_are_percentages_or_labels() -> None:
    assert parse_waves("10, site=north,100") == [{"percent": 10.0}, {"labels": {"site": "north"}}, {"percent": 100.0}]
    with pytest.raises(UsageError, match="'ten'"):
        parse_waves("ten")
