"""The preparing child process: what it answers, and that it ends when it must."""

import queue
import signal
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import psutil
import pytest

from device_contract.codec import decode
from device_contract.messages import AssignmentMessage
from edge_agent.preparation.messages import Job, Ready, Refused
from edge_agent.preparation.process import PreparationProcess
from tests.edge_agent.bundles import assigned, make_bundle
from tests.edge_agent.fleet_simulator import DEVICE, FleetSimulator
from tests.edge_agent.tuf_repository import Repository
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[3]
VERSION = "1.0"
BUNDLE = make_bundle(VERSION)


def job(fleet: FleetSimulator, state_dir: Path, **changes: object) -> Job:
    fleet.repository.add("pump/1.0/portable.bundle", BUNDLE)
    message = decode(fleet.assignment(assigned(VERSION, BUNDLE), action_id="a1"), AssignmentMessage)
    plain = Job(
        state_dir=str(state_dir),
        device_id=DEVICE,
        profile="generic-x86_64",
        envelope=message.envelope,
        repository_url=message.repository_url,
        accepted_sequence=0,
        time_floor_ms=0,
    )
    return msgspec.structs.replace(plain, **changes)


def outcome(job: Job, timeout_s: float = 60.0) -> Ready | Refused:
    answers: queue.SimpleQueue[Ready | Refused] = queue.SimpleQueue()
    PreparationProcess(job, timeout_s, lambda _process, answer: answers.put(answer)).start()
    return answers.get(timeout=120)


def refused(job: Job, timeout_s: float = 60.0) -> tuple[str, bool]:
    answer = outcome(job, timeout_s)
    assert isinstance(answer, Refused)
    return answer.reason_code, answer.is_final


def test_ready(fleet: FleetSimulator, state_dir: Path) -> None:
    answer = outcome(job(fleet, state_dir))
    assert isinstance(answer, Ready)
    slot = answer.assignment.slots[0]
    assert (state_dir / "bundles" / f"{slot.sha256}.bundle").read_bytes() == BUNDLE


def test_a_bundle_that_is_there_already_is_not_fetched_again(fleet: FleetSimulator, state_dir: Path) -> None:
    outcome(job(fleet, state_dir))
    fleet.requests.clear()
    assert isinstance(outcome(job(fleet, state_dir)), Ready)
    assert not [path for path, _spec in fleet.requests if path.endswith(".bundle")]


def test_a_partial_file_of_other_bytes_is_thrown_away(fleet: FleetSimulator, state_dir: Path) -> None:
    (state_dir / "bundles").mkdir()
    slot = assigned(VERSION, BUNDLE)
    partial = state_dir / "bundles" / f"{slot.sha256}.part"
    partial.write_bytes(b"x" * 1000)
    assert refused(job(fleet, state_dir)) == ("target_mismatch", False)
    assert not partial.exists()
    assert isinstance(outcome(job(fleet, state_dir)), Ready)


def test_an_old_sequence_number(fleet: FleetSimulator, state_dir: Path) -> None:
    assert refused(job(fleet, state_dir, accepted_sequence=1)) == ("assignment_sequence", True)


def test_a_clock_behind_what_was_seen(fleet: FleetSimulator, state_dir: Path) -> None:
    assert refused(job(fleet, state_dir, time_floor_ms=2**52)) == ("clock_behind", False)


def test_another_root_is_not_trusted(fleet: FleetSimulator, state_dir: Path) -> None:
    wanted = job(fleet, state_dir)
    (state_dir / "root.json").write_bytes(Repository().root)
    assert refused(wanted) == ("metadata_untrusted", True)


def test_metadata_that_go_back_are_not_trusted(fleet: FleetSimulator, state_dir: Path) -> None:
    old = dict(fleet.repository.files)
    wanted = job(fleet, state_dir)
    outcome(wanted)
    fleet.repository.files = old
    assert refused(wanted) == ("metadata_untrusted", True)


def test_a_profile_without_room(fleet: FleetSimulator, state_dir: Path) -> None:
    (state_dir / "small.toml").write_text(
        (ROOT / "firmware_profiles" / "generic-x86_64.toml")
        .read_text()
        .replace('"generic-x86_64"', '"small"')
        .replace("268_435_456", "100", 1)
    )
    assert refused(job(fleet, state_dir, profile=str(state_dir / "small.toml"))) == ("artifact_too_large", True)


def test_a_server_that_is_away(fleet: FleetSimulator, state_dir: Path) -> None:
    wanted = job(fleet, state_dir)
    fleet.close()
    assert refused(wanted) == ("server_unreachable", False)


def test_too_slow(fleet: FleetSimulator, state_dir: Path) -> None:
    assert refused(job(fleet, state_dir), timeout_s=0.05) == ("preparation_timeout", False)


def test_a_folder_that_cannot_be_read(fleet: FleetSimulator, state_dir: Path) -> None:
    wanted = job(fleet, state_dir)
    (state_dir / "root.json").unlink()
    (state_dir / "root.json").mkdir()
    assert refused(wanted) == ("disk_error", False)


def test_a_child_that_ends_without_an_answer(fleet: FleetSimulator, state_dir: Path) -> None:
    assert refused(job(fleet, state_dir, envelope="no bytes")) == ("preparation_crashed", False)


def test_a_module_of_the_application_is_none_of_the_childs(
    fleet: FleetSimulator, state_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "random.py").write_text("raise SystemExit('the application')")
    monkeypatch.chdir(tmp_path)
    assert isinstance(outcome(job(fleet, state_dir)), Ready)


def test_killed_before_the_child_has_begun(
    fleet: FleetSimulator, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    children: list[subprocess.Popen[bytes]] = []

    def begin_late(_command: list[str], **pipes: int) -> "subprocess.Popen[bytes]":
        assert process._is_killed.wait(10)
        children.append(popen([sys.executable, "-c", "import time; time.sleep(60)"], **pipes))
        return children[0]

    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", begin_late)
    process = PreparationProcess(job(fleet, state_dir), 60.0, lambda _process, _answer: None)
    process.start()
    process.kill()
    try:
        assert children[0].poll() == -signal.SIGKILL
    finally:
        children[0].kill()


def test_the_child_of_a_killed_agent_ends(fleet: FleetSimulator, state_dir: Path) -> None:
    command = [sys.executable, "-m", "edge_agent.preparation"]
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,  # accepts, and never says a word
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as child,
    ):
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        assert child.stdin is not None
        child.stdin.write(msgspec.json.encode(job(fleet, state_dir, repository_url=url)) + b"\n")
        child.stdin.flush()
        wait_until(lambda: psutil.Process(child.pid).num_threads() > 1, "watches the pipe")
        child.stdin.close()
        assert child.wait(timeout=120) == 1
