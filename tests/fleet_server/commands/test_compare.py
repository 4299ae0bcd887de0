"""``leeway-fleet compare`` against the server with the seeded fleet."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fleet_server.cli import app
from fleet_server.commands.compare import parse_period
from fleet_server.commands.errors import UsageError
from tests.fleet_server.commands.running_server import RunningServer
from tests.fleet_server.seeded_fleet import ROWS, START_MS, WINDOWS

DAY_MS = 86_400_000
PERIODS = ("2026-01-01..2026-01-02", "2026-01-02..2026-01-03")
PNG = b"\x89PNG\r\n"

Compare = Callable[..., Result]


@pytest.fixture
def compare(seeded_server: RunningServer) -> Compare:
    """Run ``leeway-fleet compare`` as the administrator."""
    options = ["--server", seeded_server.url, "--token", seeded_server.admin_token, "--ca", str(seeded_server.ca)]

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["compare", *arguments, *options])

    return run


@pytest.mark.slow
def test_periods_show_which_stream_moved_and_draw_it(compare: Compare, tmp_path: Path) -> None:
    for name in ("periods.svg", "periods.png"):
        plot = tmp_path / name
        result = compare("periods", "power", *PERIODS, "--device", "turbine-3", "--plot", str(plot))
        assert result.exit_code == 0, result.output
        (moved,) = re.findall(r"^temperature +feature .*$", result.stdout, re.MULTILINE)
        assert float(moved.split()[4]) > 0.5
        assert f"{WINDOWS // 2 * ROWS} rows" in result.stderr
    assert (tmp_path / "periods.svg").read_text().startswith("<?xml")
    assert (tmp_path / "periods.png").read_bytes().startswith(PNG)


@pytest.mark.slow
def test_devices_and_versions_as_json(compare: Compare) -> None:
    found = json.loads(compare("devices", "power", "turbine-1", "turbine-2", "--until", "2026-01-02", "--json").stdout)
    assert (found["windows_a"], found["windows_b"]) == (WINDOWS // 2, WINDOWS // 2)
    found = json.loads(compare("versions", "power", "1", "2", "--since", "2026-01-02", "--json").stdout)
    assert (found["windows_a"], found["windows_b"]) == (3 * WINDOWS // 2, WINDOWS // 2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["devices", "power", "turbine-1", "nobody"], 6, "nobody"),
        (["versions", "power", "1", "2", "--plot", "comparison.pdf"], 2, "neither .svg nor .png"),
        (["versions", "power", "1", "2", "--plot", "/no/such/folder/comparison.svg"], 2, "cannot write"),
        (["periods", "power", PERIODS[0], "yesterday"], 2, "is no period"),
        (["periods", "power", PERIODS[0], "1999-01-01..1999-01-02"], 6, "side b has no windows"),
    ],
)
def test_what_cannot_be_compared_is_one_line(compare: Compare, arguments: list[str], code: int, complaint: str) -> None:
    result = compare(*arguments)
    assert result.exit_code == code
    assert complaint in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_period_is_read_in_utc_unless_it_names_a_zone() -> None:
    assert parse_period("2026-01-01..2026-01-02") == {"since_ms": START_MS, "until_ms": START_MS + DAY_MS}
    assert parse_period("2026-01-01T01:00+01:00..2026-01-02")["since_ms"] == START_MS


@pytest.mark.parametrize("text", ["", "..", "2026-01-01", "2026-01-02..2026-01-01", "a..b"])
def test_another_text_is_no_period(text: str) -> None:
    with pytest.raises(UsageError, match="period"):
        parse_period(text)
