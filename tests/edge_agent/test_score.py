"""``leeway-agent score`` and ``status`` as a user runs them."""

import codecs
import json
import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.rows import MAX_LINE_BYTES
from edge_agent.settings import Settings, first_settings
from edge_agent.update.journal import Journal
from edge_agent.update.machine import UpdateState
from tests.edge_agent.bundles import assigned, make_bundle

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str, rows: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-m", "edge_agent.cli", *arguments]
    return subprocess.run(command, input=rows, capture_output=True, check=False, cwd=ROOT)


@pytest.fixture
def bundle(tmp_path: Path) -> str:
    path = tmp_path / "pump.bundle"
    path.write_bytes(make_bundle("1.0"))
    return str(path)


@pytest.fixture
def held(tmp_path: Path) -> Path:
    """The state folder of a device that holds a model and is not running."""
    settings = Settings(device_id="pump-7", profile="generic-x86_64", server_url="", mqtt_host="h", mqtt_port=1)
    (tmp_path / "agent.toml").write_bytes(first_settings(settings))
    (tmp_path / "bundles").mkdir()
    slot = assigned("1.0", make_bundle("1.0"))
    (tmp_path / "bundles" / f"{slot.sha256}.bundle").write_bytes(make_bundle("1.0"))
    Journal(tmp_path).write(UpdateState(phase="succeeded", action_id="a1", accepted_sequence=4, committed=(slot,)))
    return tmp_path


def test_ndjson(bundle: str) -> None:
    done = run("score", "--bundle", bundle, rows=b'[1, 2]\n{"right": 0.5, "left": -3, "time": 7}\n[null, 1]\n')
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"score": 4.0},
        {"score": -5.5, "time": 7},
        {"score": None},
    ]
    assert (done.returncode, done.stderr) == (0, b"")


def test_csv(bundle: str) -> None:
    done = run("score", "--bundle", bundle, rows=b"left,right,note\n1,2,x\n-3,0.5,y\n")
    assert [json.loads(line)["score"] for line in done.stdout.splitlines()] == [4.0, -5.5]


def test_csv_as_windows_writes_it(bundle: str) -> None:
    done = run("score", "--bundle", bundle, rows=codecs.BOM_UTF8 + b"left,right\r\n1,2\r\n")
    assert (json.loads(done.stdout), done.stderr) == ({"score": 4.0}, b"")


def test_csv_with_an_endless_cell(bundle: str) -> None:
    endless = b"1" * (MAX_LINE_BYTES + 1)
    done = run("score", "--bundle", bundle, rows=b"left,right\n" + endless + b",2\n1,2\n")
    assert json.loads(done.stdout) == {"score": 4.0}
    assert done.stderr.splitlines()[0].startswith(b"line 2: field larger than field limit")
    done = run("score", "--bundle", bundle, rows=endless + b"x,right\n1,2\n")
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (8, b"", 1)


def test_bad_rows_are_told_by_line_and_the_rest_is_scored(bundle: str) -> None:
    done = run("score", "--bundle", bundle, rows=b'[1, 2]\nrubbish\n[1]\n\n["x", 1]\n[1, 2]\n')
    assert done.stdout.count(b"\n") == 2
    complaints = done.stderr.decode().splitlines()
    assert [line.partition(":")[0] for line in complaints] == ["line 2", "line 3", "line 5", "3 rows failed"]
    assert done.returncode == 1


def test_csv_with_a_short_line(bundle: str) -> None:
    done = run("score", "--bundle", bundle, rows=b"left,right\n1\n1,2\n")
    assert (done.returncode, done.stderr.splitlines()[0]) == (1, b"line 2: 1 cells under 2 names")


def test_no_rows(bundle: str) -> None:
    assert (run("score", "--bundle", bundle).returncode, run("score", "--bundle", bundle).stdout) == (0, b"")


@pytest.mark.parametrize("data", [b"", b"rubbish", make_bundle("1.0")[:-700], make_bundle("1.0") + bytes(512)])
def test_a_bundle_that_is_not_sound(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "bad.bundle").write_bytes(data)
    done = run("score", "--bundle", str(tmp_path / "bad.bundle"), rows=b"[1, 2]\n")
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (7, b"", 1)


def test_the_devices_own_model(held: Path) -> None:
    assert json.loads(run("score", "--state", str(held), rows=b"[1, 2]\n").stdout) == {"score": 4.0}


def test_a_device_without_a_model(tmp_path: Path) -> None:
    done = run("score", "--state", str(tmp_path), rows=b"[1, 2]\n")
    assert (done.returncode, b"holds no committed model" in done.stderr) == (7, True)


def test_status_of_a_device_that_is_not_running(held: Path) -> None:
    told = json.loads(run("status", "--state", str(held), "--json").stdout)
    assert (told["phase"], told["running"], told["slots"][0]["version"]) == ("succeeded", False, "1.0")
    assert b"assignment_sequence" in run("status", "--state", str(held)).stdout


def test_a_status_that_was_damaged_is_none(held: Path) -> None:
    (held / "status.json").write_bytes(b'{"rows_scored": "\xff"}')
    told = json.loads(run("status", "--state", str(held), "--json").stdout)
    assert (told["phase"], told["rows_scored"]) == ("succeeded", 0)


@pytest.mark.parametrize("command", [["status"], ["run"]])
def test_a_folder_without_a_device(tmp_path: Path, command: list[str]) -> None:
    done = run(*command, "--state", str(tmp_path))
    assert (done.returncode, done.stderr.count(b"\n")) == (3, 1)


@pytest.mark.parametrize("source", ["tea", "replay:missing.csv", "mqtt:x"])
def test_a_source_that_is_none(held: Path, source: str) -> None:
    done = run("run", "--state", str(held), "--source", source)
    assert (done.returncode, done.stderr.count(b"\n")) == (8, 1)


def test_a_damaged_journal(held: Path) -> None:
    (held / "journal.json").write_bytes(b"{")
    done = run("status", "--state", str(held))
    assert (done.returncode, b"is damaged" in done.stderr) == (6, True)
