"""A fleet for a device, and the device as a real process."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from edge_agent.enrollment import enroll
from tests.edge_agent.fleet_simulator import FleetSimulator
from tests.support.mosquitto import start_mosquitto
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]


class AgentProcess:
    """A real ``leeway-agent run``."""

    def __init__(self, state_dir: Path, *options: str) -> None:
        command = [sys.executable, "-m", "edge_agent.cli", "run", "--state", str(state_dir), *options]
        self._log = (state_dir / "log.txt").open("ab")
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, cwd=ROOT
        )
        self.state_dir = state_dir

    @property
    def log(self) -> str:
        return (self.state_dir / "log.txt").read_text()

    def feed(self, lines: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(lines)
        self.process.stdin.flush()

    def end(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            os.kill(self.process.pid, number)
        code = self.process.wait(timeout=120)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue
        self._log.close()
        return code


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[FleetSimulator]:
    folder = tmp_path / "fleet"
    folder.mkdir()
    simulator = FleetSimulator(folder)
    yield simulator
    simulator.close()


@pytest.fixture
def state_dir(tmp_path: Path, fleet: FleetSimulator) -> Path:
    """The state folder of an enrolled device with short times."""
    folder = tmp_path / "state"
    enroll(fleet.url, fleet.token, folder, "generic-x86_64")
    with (folder / "agent.toml").open("a") as settings:
        settings.write("probation_rows = 20\nprobation_s = 60.0\nheartbeat_s = 1.0\nreport_resend_s = 1.0\n")
        settings.write("reconnect_max_s = 1.0\nwindow_s = 60.0\n")
    return folder


@pytest.fixture
def start_agent(state_dir: Path) -> Iterator[type[AgentProcess]]:
    """Start agents on the state folder; those that still run at the end are killed."""
    started: list[AgentProcess] = []

    def start(*options: str) -> AgentProcess:
        agent = AgentProcess(state_dir, *options)
        started.append(agent)
        return agent

    yield start  # type: ignore[misc]
    for agent in started:
        agent.end(signal.SIGKILL)


class LocalBroker:
    """A plain mosquitto of the plant."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._log = folder / "local.log"
        config = folder / "local.conf"
        config.write_text(f"user root\nallow_anonymous true\nlistener {self.port} 127.0.0.1\nlog_type subscribe\n")
        self._process = start_mosquitto(config, self.port)
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.connect("127.0.0.1", self.port)
        self._client.loop_start()

    def has_reader(self) -> bool:
        return "plant/pump" in self._log.read_text()

    def publish(self, topic: str, payloads: list[bytes]) -> None:
        for payload in payloads:
            self._client.publish(topic, payload, qos=1).wait_for_publish(timeout=120)

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._process.terminate()
        self._process.wait()


@pytest.fixture
def local_broker(tmp_path: Path) -> Iterator[LocalBroker]:
    broker = LocalBroker(tmp_path)
    yield broker
    broker.stop()
