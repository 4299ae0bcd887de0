"""What the agent holds in memory with a plan active and MQTT connected: the limit is 45 MB.

A real ``leeway-agent run`` enrols with a fleet of one device (mosquitto with mutual TLS, a
TUF repository over HTTPS), takes a random forest of 100 trees over 30 features, commits it
and scores 20,000 rows. Then its resident memory is read.

Run ``python -m benchmarks.agent_memory``; it prints the figures and writes
``benchmarks/results/agent.md``.
"""

import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import psutil
from sklearn.ensemble import RandomForestRegressor

from compiler import compile_model
from edge_agent.enrollment import enroll
from tests.edge_agent.bundles import assigned
from tests.edge_agent.fleet_simulator import FleetSimulator

ROOT = Path(__file__).resolve().parent.parent
FEATURES = 30
ROWS = 20_000
LIMIT_MB = 45.0
RESULTS = ROOT / "benchmarks" / "results" / "agent.md"


def measure(folder: Path) -> dict[str, float]:
    """Bring the model to an agent, let it score, and read its memory, in MB of 10^6 bytes."""
    fleet = FleetSimulator(folder)
    try:
        fleet.start_broker()
        state_dir = folder / "state"
        enroll(fleet.url, fleet.token, state_dir, "generic-x86_64")
        with (state_dir / "agent.toml").open("a") as settings:
            settings.write("heartbeat_s = 1.0\n")
        command = [sys.executable, "-m", "edge_agent.cli", "run", "--state", str(state_dir)]
        with (folder / "agent.log").open("wb") as log:
            agent = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=log, cwd=ROOT)
        try:
            return _use(fleet, agent)
        finally:
            agent.kill()
            agent.communicate()
    finally:
        fleet.close()


def _use(fleet: FleetSimulator, agent: "subprocess.Popen[bytes]") -> dict[str, float]:
    numbers = np.random.default_rng(0)
    sample = numbers.normal(size=(5000, FEATURES)).astype(np.float32)
    model = RandomForestRegressor(100, max_depth=8, random_state=0, n_jobs=2).fit(sample, sample[:, 0])
    bundle = compile_model(model, sample, name="pump", version="1.0", kind="plan").data
    slot = assigned("1.0", bundle)
    fleet.wait_for_status("connected", phase="idle")
    connected = psutil.Process(agent.pid).memory_info().rss
    fleet.repository.add(slot.target_path, bundle)
    fleet.assign(slot, action_id="benchmark")
    fleet.wait_for_status("on probation", phase="probation")
    assert agent.stdin is not None
    for row in numbers.normal(size=(ROWS, FEATURES)):
        agent.stdin.write(json.dumps(row.tolist()).encode() + b"\n")
    agent.stdin.flush()
    fleet.wait_for_status("scored", phase="succeeded", rows_scored=ROWS)
    return {
        "connected, no model": connected / 1e6,
        "plan active, 20,000 rows scored": psutil.Process(agent.pid).memory_info().rss / 1e6,
        "size of the bundle": len(bundle) / 1e6,
    }


def main() -> None:
    """Measure, print and keep the figures."""
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder))
    lines = [f"| {name} | {value:.1f} |" for name, value in figures.items()]
    table = "\n".join(["| resident memory of the agent | MB |", "|---|---|", *lines])
    machine = f"Python {platform.python_version()}, {platform.machine()}, {platform.system()}"
    text = (
        f"# The agent's memory\n\n`python -m benchmarks.agent_memory`, {machine}. Limit: {LIMIT_MB:g} MB.\n\n{table}\n"
    )
    print(text)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(text)
    if figures["plan active, 20,000 rows scored"] > LIMIT_MB:
        sys.exit(f"the agent holds more than {LIMIT_MB:g} MB")


if __name__ == "__main__":
    main()
