"""The certificate is renewed in time, by a process that may die at any moment."""

import queue
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from edge_agent.counters import Counters
from edge_agent.renewal.__main__ import renew_if_due
from edge_agent.renewal.messages import Answer, Checked, Failed
from edge_agent.renewal.process import LONGEST_RETRY_S, LONGEST_WAIT_S, SHORTEST_WAIT_S, Renewals
from edge_agent.settings import IDENTITY_FILE_NAME
from tests.edge_agent.conftest import AgentProcess
from tests.edge_agent.fleet_simulator import DEVICE, FleetSimulator
from tests.support.waiting import wait_until

DAY_S = 86_400


@pytest.fixture
def ageing(fleet: FleetSimulator) -> None:
    """Devices that enrol have a certificate past half of its life."""
    fleet.first_certificate_end = datetime.now(UTC) + timedelta(minutes=4)  # it began five minutes ago


@pytest.fixture
def old(ageing: None, state_dir: Path) -> Path:  # noqa: ARG001  (before the device enrols)
    """The state folder of such a device."""
    return state_dir


def identity(state_dir: Path) -> bytes:
    """Return the identity file, whose key and certificate belong together."""
    pem = (state_dir / IDENTITY_FILE_NAME).read_bytes()
    assert load_pem_private_key(pem, None).public_key() == x509.load_pem_x509_certificate(pem).public_key()
    return pem


def test_a_young_certificate_is_left_alone(fleet: FleetSimulator, state_dir: Path) -> None:
    before = identity(state_dir)
    answer = renew_if_due(state_dir, time.time())
    assert isinstance(answer, Checked)
    assert not answer.is_new
    assert 0.4 * DAY_S < answer.due_in_s < 0.5 * DAY_S
    assert (identity(state_dir), fleet.renewals) == (before, [])


def test_past_half_of_its_life_key_and_certificate_are_new(fleet: FleetSimulator, old: Path) -> None:
    before = identity(old)
    answer = renew_if_due(old, time.time())
    assert isinstance(answer, Checked)
    assert answer.is_new
    assert 44 * DAY_S < answer.due_in_s < 45 * DAY_S
    after = x509.load_pem_x509_certificate(identity(old))
    assert after.subject.rfc4514_string() == f"CN={DEVICE}"
    assert after.public_key() != x509.load_pem_x509_certificate(before).public_key()
    assert (old / IDENTITY_FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert fleet.renewals[0].certificate_pem.encode() in before


def test_a_refusal_leaves_everything_as_it_was(fleet: FleetSimulator, old: Path) -> None:
    before = identity(old)
    fleet.refuses_renewals = True
    answer = renew_if_due(old, time.time())
    assert isinstance(answer, Failed)
    assert "status 503" in answer.detail
    assert identity(old) == before


def test_a_server_that_is_away_and_a_folder_that_is_damaged_are_failures(fleet: FleetSimulator, old: Path) -> None:
    fleet.close()
    away = renew_if_due(old, time.time())
    assert isinstance(away, Failed)
    assert "no answer from" in away.detail
    (old / IDENTITY_FILE_NAME).write_text("rubbish")
    assert isinstance(renew_if_due(old, time.time()), Failed)
    (old / IDENTITY_FILE_NAME).unlink()
    assert isinstance(renew_if_due(old, time.time()), Failed)


@pytest.mark.slow
def test_killed_at_any_moment_the_pair_still_matches(old: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for tenth in range(1, 9):
        child = subprocess.Popen([sys.executable, "-m", "edge_agent.renewal", str(old)], stdout=subprocess.PIPE)
        with child:
            time.sleep(tenth / 10)
            child.kill()
        identity(old)
        context.load_cert_chain(old / IDENTITY_FILE_NAME)


def test_a_module_of_the_application_is_none_of_the_childs(
    state_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "random.py").write_text("raise SystemExit('the application')")
    monkeypatch.chdir(tmp_path)
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    Renewals(state_dir, Counters(lambda: 0.0), lambda: 0.0, answers.put).tick()
    assert isinstance(answers.get(timeout=120), Checked)


def test_the_waits_between_renewals_and_after_failures(state_dir: Path) -> None:
    now_s = 1000.0
    renewals = Renewals(state_dir, Counters(lambda: now_s), lambda: now_s, lambda _answer: None)

    def wait_after(answer: Answer) -> float:
        renewals.answer(answer)
        return renewals._due_s - now_s

    assert wait_after(Checked(is_new=True, due_in_s=-5.0)) == SHORTEST_WAIT_S
    assert wait_after(Checked(is_new=False, due_in_s=45.0 * DAY_S)) == LONGEST_WAIT_S
    waits = [wait_after(Failed(detail="away")) for _ in range(12)]
    assert 30 <= waits[0] <= 60
    assert 60 <= waits[1] <= 120
    assert LONGEST_RETRY_S / 2 <= waits[-1] <= LONGEST_RETRY_S
    assert renewals.answer(Checked(is_new=True, due_in_s=1.0))
    assert wait_after(Failed(detail="away")) <= 60


@pytest.mark.slow
def test_a_running_agent_connects_with_its_new_certificate(
    fleet: FleetSimulator, old: Path, start_agent: Callable[..., AgentProcess]
) -> None:
    before = identity(old)
    fleet.start_broker()
    agent = start_agent()
    wait_until(lambda: identity(old) != before, "renewed")
    wait_until(lambda: agent.log.count("connected to") == 2, "connected anew")
    status = fleet.wait_for_status("greets", phase="idle")
    assert "connection_losses" not in status.counters
    assert len(fleet.renewals) == 1


@pytest.mark.slow
@pytest.mark.usefixtures("old")
def test_an_agent_that_cannot_renew_goes_on_and_counts(
    fleet: FleetSimulator, start_agent: Callable[..., AgentProcess]
) -> None:
    fleet.refuses_renewals = True
    fleet.start_broker()
    start_agent()
    wait_until(lambda: fleet.renewals, "asked")
    wait_until(lambda: fleet.statuses and fleet.statuses[-1].counters.get("renewal_failures") == 1, "counted")
    assert fleet.births[-1].online
