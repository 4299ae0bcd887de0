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
import ssl
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import httpx
from rich.console import Console

from examples.wind_turbines import scenario, train
from examples.wind_turbines.processes import Background, CommandError, command, free_port, run
from examples.wind_turbines.result import Json, read_result, result_table, shortcomings

STEP_TIMEOUT_S = 150.0
MODEL = "turbine-power"


class Demo:
    """One play of the scenario.

    Args:
        folder: Where everything is kept.
        stack: Ends the processes when it is closed.
        console: Where progress is shown.
    """

    def __init__(self, folder: Path, stack: contextlib.ExitStack, console: Console) -> None:
        self._folder = folder
        self._stack = stack
        self._console = console
        self._processes: list[Background] = []
        self.url = f"https://127.0.0.1:{free_port()}"

    def play(self) -> Json:
        """Play the whole scenario and return what the server says of it."""
        self._start_server()
        self._publish_versions()
        self._enroll_turbines()
        self._deploy("1", waves=[{"percent": 100}])
        self._wait(f"replay to {scenario.SECOND_VERSION:%d %B %Y}", self._has_reached_second_version)
        self._deploy("2", waves=[{"percent": 50}, {"percent": 100}])
        self._wait("replay to the end of the stretch", self._has_replayed_all)
        self._wait("verdicts on the last windows", self._has_judged_all)
        return read_result(self._api, list(scenario.TURBINES))

    def problems(self, result: Json) -> list[str]:
        """Tell what should have been seen and was not."""
        return shortcomings(
            result,
            version="2",
            faulty_device=scenario.FAULTY_TURBINE,
            faulty_feature=scenario.FAULTY_FEATURE,
        )

    def token(self) -> str:
        """Return the administrator's token."""
        return (self._folder / "fleet" / "admin.token").read_text().strip()

    def _start_server(self) -> None:
        data = self._folder / "fleet"
        ports = ["--http-port", self.url.rsplit(":", 1)[1], "--mqtt-port", str(free_port())]
        with self._step("fleet server: keys, certificates, database, broker"):
            run([command("leeway-fleet"), "init", "--data", str(data), *ports])
            self._background("leeway-fleet", ["serve", "--data", str(data)], "server.log")
            context = ssl.create_default_context(cafile=str(self._ca))
            self._api = self._stack.enter_context(
                httpx.Client(base_url=self.url, verify=context, headers={"Authorization": f"Bearer {self.token()}"})
            )
            self._until("the server to answer", self._is_healthy)

    def _publish_versions(self) -> None:
        keys = self._folder / "keys"
        run([command("leeway-compiler"), "keys", "init", "--dir", str(keys)])
        run(
            [command("leeway-fleet"), "models", "create", MODEL, "--key", str(keys / "ci.pub"), *self._server_options()]
        )
        sample, schema = train.write_sample(self._folder)
        for version in ("1", "2"):
            with self._step(f"version {version}: train, compile, sign, publish"):
                model = train.train_version(version, self._folder)
                self._publish(version, model, sample, schema, keys / "ci.key")

    def _publish(self, version: str, model: Path, sample: Path, schema: Path, key: Path) -> None:
        compiler = command("leeway-compiler")
        described = ["--sample", str(sample), "--schema", str(schema), "--name", MODEL, "--version", version]
        run([compiler, "compile", str(model), *described, "--out", str(self._folder)])
        bundle = str(self._folder / f"{MODEL}-{version}-portable.bundle")
        run([compiler, "sign", bundle, "--key", str(key)])
        run([compiler, "publish", bundle, "--key", str(key), *self._server_options()])

    def _enroll_turbines(self) -> None:
        agent = command("leeway-agent")
        with self._step("four devices: enrol, start"):
            for turbine in scenario.TURBINES:
                state = self._folder / turbine
                body = {"device_id": turbine, "labels": {"site": "la-haute-borne"}}
                token = self._post("/api/v1/enrollment-tokens", body)["token"]
                run([agent, "enroll", "--server", self.url, "--token", token, "--state", str(state)])
                rows = scenario.write_replay(turbine, self._folder)
                source = f"replay:{rows}?speed={scenario.SPEED}"
                options = ["--state", str(state), "--source", source, "--window-s", str(scenario.WINDOW_S)]
                self._background("leeway-agent", ["run", *options], f"{turbine}.log")
            self._until("all devices to be online", self._are_online)

    def _deploy(self, version: str, waves: list[Json]) -> None:
        body = {"model": MODEL, "version": version, "waves": waves, "soak_s": 1}
        deployment = self._post("/api/v1/deployments", body)["id"]

        def has_ended() -> bool:
            state = self._get(f"/api/v1/deployments/{deployment}")
            if state["state"] not in ("running", "finished"):
                raise CommandError(f"deployment of version {version} is {state['state']}: {state['reason']}")
            return bool(state["state"] == "finished")

        self._wait(f"deployment of version {version} in {len(waves)} wave(s)", has_ended)

    def _has_reached_second_version(self) -> bool:
        return self._slowest_window_end_ms() >= scenario.SECOND_VERSION.timestamp() * 1000

    def _has_replayed_all(self) -> bool:
        return self._slowest_window_end_ms() >= scenario.LAST_WINDOW_END.timestamp() * 1000

    def _has_judged_all(self) -> bool:
        result = read_result(self._api, list(scenario.TURBINES))
        return not self.problems(result) or self._idle_for(10.0)

    def _slowest_window_end_ms(self) -> float:
        totals = [self._get(f"/api/v1/devices/{turbine}/telemetry") for turbine in scenario.TURBINES]
        return min(total["last_window_end_ms"] or 0 for total in totals)

    def _idle_for(self, limit_s: float) -> bool:
        self._judging_since = getattr(self, "_judging_since", time.monotonic())
        return time.monotonic() - self._judging_since > limit_s

    def _are_online(self) -> bool:
        devices = self._get("/api/v1/devices")["items"]
        return sum(device["online"] for device in devices) == len(scenario.TURBINES)

    def _is_healthy(self) -> bool:
        try:
            return self._api.get("/health").is_success
        except httpx.TransportError:
            return False

    @property
    def _ca(self) -> Path:
        return self._folder / "fleet" / "ca" / "ca.crt"

    def _server_options(self) -> list[str]:
        return ["--server", self.url, "--token", self.token(), "--ca", str(self._ca)]

    def _background(self, name: str, arguments: list[str], log: str) -> None:
        process = Background([command(name), *arguments], self._folder / log)
        self._processes.append(self._stack.enter_context(process))

    def _get(self, path: str) -> Json:
        return _body(self._api.get(path))

    def _post(self, path: str, body: Json) -> Json:
        return _body(self._api.post(path, json=body))

    @contextlib.contextmanager
    def _step(self, what: str):  # type: ignore[no-untyped-def]  # noqa: ANN202  (a generator behind contextmanager)
        started = time.monotonic()
        with self._console.status(what):
            yield
        self._console.print(f"[green]✓[/green] {what} [dim]{time.monotonic() - started:.0f} s[/dim]")

    def _wait(self, what: str, is_done: Callable[[], bool]) -> None:
        with self._step(what):
            self._until(what, is_done)

    def _until(self, what: str, is_done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + STEP_TIMEOUT_S
        while not is_done():
            for process in self._processes:
                process.check()
            if time.monotonic() > deadline:
                raise CommandError(f"gave up waiting for {what} after {STEP_TIMEOUT_S:.0f} s")
            time.sleep(0.3)


def main() -> int:
    """Play the demo; return the exit code."""
    options = _parse()
    console = Console()
    signal.signal(signal.SIGTERM, _interrupt)
    with tempfile.TemporaryDirectory(prefix="leeway-demo-") as folder, contextlib.ExitStack() as stack:
        demo = Demo(Path(folder), stack, console)
        try:
            return _show(demo, options, console)
        except (CommandError, httpx.HTTPError) as error:
            console.print(f"[red]the demo failed:[/red] {error}")
            return 1
        except KeyboardInterrupt:
            console.print("stopping")
            return 130


def _show(demo: Demo, options: argparse.Namespace, console: Console) -> int:
    result = demo.play()
    console.print(result_table(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    problems = demo.problems(result)
    for problem in problems:
        console.print(f"[red]not seen:[/red] {problem}")
    if not options.once:
        console.print(f"API: {demo.url}/docs  user: any, password: {demo.token()}", soft_wrap=True)
        console.print("Ctrl-C ends the demo.")
        signal.pause()
    return 1 if problems else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description="Four real turbines, two versions, one fault.")
    parser.add_argument("--once", action="store_true", help="end when everything was seen")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what the REST API says at the end")
    return parser.parse_args()


def _body(answer: httpx.Response) -> Json:
    if answer.is_error:
        raise CommandError(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}")
    body: Json = answer.json()
    return body


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    raise SystemExit(main())
