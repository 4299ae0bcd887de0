"""The demo: from a trained model to a drift verdict on four real wind turbines.

It uses Leeway as its users do, through the three commands and the REST API, with real
processes, real certificates and a real broker, all in one temporary folder::

    make demo                               # leaves the server up until Ctrl-C
    make demo ARGS="--once --json FILE"     # ends by itself; exit code 0 if all was seen

What it plays is in ``scenario.py``; what it must show is in ``result.py``.
"""

import argparse
import contextlib
import json
import signal
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import FrameType

import httpx
from rich.console import Console

from examples.wind_turbines import scenario, train
from examples.wind_turbines.fleet import Fleet, Json
from examples.wind_turbines.processes import CommandError, free_port
from examples.wind_turbines.result import read_result, result_table, shortcomings

JUDGING_TIMEOUT_S = 15.0


class Demo:
    """One play of the scenario.

    Args:
        fleet: The fleet, not yet set up.
        console: Where progress is shown.
    """

    def __init__(self, fleet: Fleet, console: Console) -> None:
        self._fleet = fleet
        self._console = console

    def play(self) -> Json:
        """Play the whole scenario and return what the server says of it."""
        with self._step("fleet server: keys, certificates, database, broker"):
            self._fleet.set_up("--mqtt-port", str(free_port()))
            self._fleet.serve()
            self._fleet.create_model()
        sample, schema = train.write_sample(self._fleet.folder)
        for version in ("1", "2"):
            with self._step(f"version {version}: train, compile, sign, publish"):
                model = train.train_version(version, self._fleet.folder)
                self._fleet.publish(version, model, sample, "--schema", str(schema))
        with self._step("four devices: enrol, start"):
            self._start_devices()
        with self._step("version 1 on every device"):
            self._fleet.until_finished(self._fleet.deploy("1", waves=[{"percent": 100}]))
        self._replay_until(scenario.SECOND_VERSION)
        with self._step("version 2 in two waves"):
            self._fleet.until_finished(self._fleet.deploy("2", waves=[{"percent": 50}, {"percent": 100}], soak_s=1))
        self._replay_until(scenario.LAST_WINDOW_END)
        with self._step("verdicts on the last windows"):
            return self._judged_result()

    def problems(self, result: Json) -> list[str]:
        """Tell what should have been seen and was not."""
        return shortcomings(
            result,
            version="2",
            faulty_device=scenario.FAULTY_TURBINE,
            faulty_feature=scenario.FAULTY_FEATURE,
        )

    def _start_devices(self) -> None:
        for turbine in scenario.TURBINES:
            self._fleet.enroll(turbine)
        for turbine in scenario.TURBINES:
            rows = scenario.write_replay(turbine, self._fleet.folder)
            self._fleet.run_agent(turbine, f"replay:{rows}?speed={scenario.SPEED}", scenario.WINDOW_S)
        self._fleet.until("all devices to be online", self._are_online)

    def _are_online(self) -> bool:
        devices = self._fleet.get("/api/v1/devices")["items"]
        return len([device for device in devices if device["online"]]) == len(scenario.TURBINES)

    def _replay_until(self, moment: datetime) -> None:
        def has_come() -> bool:
            ends = [self._fleet.telemetry(turbine)["last_window_end_ms"] for turbine in scenario.TURBINES]
            return all(end >= moment.timestamp() * 1000 for end in ends)

        with self._step(f"the sensors' year up to {moment:%-d %B %Y}"):
            self._fleet.until(f"reports of {moment:%-d %B %Y}", has_come)

    def _judged_result(self) -> Json:
        """Return the result once it shows everything, or as it is when nothing more can come."""
        deadline = time.monotonic() + JUDGING_TIMEOUT_S
        while True:
            result = read_result(self._fleet.get, list(scenario.TURBINES))
            if not self.problems(result) or time.monotonic() > deadline:
                return result
            time.sleep(0.5)

    @contextlib.contextmanager
    def _step(self, what: str) -> Iterator[None]:
        started = time.monotonic()
        with self._console.status(what):
            yield
        self._console.print(f"[green]✓[/green] {what} [dim]{time.monotonic() - started:.0f} s[/dim]")


def main() -> int:
    """Play the demo; return the exit code."""
    options = _parse()
    console = Console()
    for number in (signal.SIGTERM, signal.SIGINT):  # a shell's background job is born deaf to SIGINT
        signal.signal(number, _interrupt)
    with tempfile.TemporaryDirectory(prefix="leeway-demo-") as folder:
        fleet = Fleet(Path(folder), "turbine-power")
        try:
            return _show(fleet, options, console)
        except (CommandError, httpx.HTTPError) as error:
            console.print(f"[red]the demo failed:[/red] {error}", markup=True, highlight=False)
            return 1
        except KeyboardInterrupt:
            return 130
        finally:
            fleet.close()


def _show(fleet: Fleet, options: argparse.Namespace, console: Console) -> int:
    demo = Demo(fleet, console)
    result = demo.play()
    console.print(result_table(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    problems = demo.problems(result)
    for problem in problems:
        console.print(f"[red]not seen:[/red] {problem}")
    if not options.once:
        console.print(f"API: {fleet.url}/docs (any user name, password {fleet.token})", soft_wrap=True)
        console.print(f"try: leeway-fleet drift list --data {fleet.data}", soft_wrap=True)
        console.print("Ctrl-C ends the demo.")
        signal.pause()
    return 1 if problems else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description="Four real turbines, two versions, one fault.")
    parser.add_argument("--once", action="store_true", help="end when everything was seen")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what the REST API says at the end")
    return parser.parse_args()


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    raise SystemExit(main())
