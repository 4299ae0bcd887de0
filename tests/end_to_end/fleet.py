"""A fleet on one machine, through the public commands: server, compiler, agents as real processes."""

import json
import signal
import ssl
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from examples.wind_turbines.processes import command, free_port, run

WAIT_S = 60.0
Json = dict[str, Any]


@dataclass
class Fleet:
    """A fleet server with its data folder, and the agents that run against it."""

    folder: Path
    init_options: list[str]
    http_port: int = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.folder / "fleet"

    @property
    def server_options(self) -> list[str]:
        token = (self.data / "admin.token").read_text().strip()
        url = f"https://127.0.0.1:{self.http_port}"
        return ["--server", url, "--token", token, "--ca", str(self.data / "ca" / "ca.crt")]

    def init(self) -> None:
        run(
            [
                command("leeway-fleet"),
                "init",
                "--data",
                str(self.data),
                "--http-port",
                str(self.http_port),
                *self.init_options,
            ]
        )

    def serve(self) -> None:
        self.start("server", [command("leeway-fleet"), "serve", "--data", str(self.data)])
        context = ssl.create_default_context(cafile=str(self.data / "ca" / "ca.crt"))
        _, url, _, token, _, _ = self.server_options
        self.api = httpx.Client(
            base_url=url, verify=context, headers={"Authorization": f"Bearer {token}"}, trust_env=False
        )
        self.until(self._is_healthy)

    def start(self, name: str, arguments: list[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def end(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        process = self.processes.pop(name)
        process.send_signal(how)
        process.wait(30)

    def end_all(self) -> None:
        for name in list(self.processes):
            self.end(name, signal.SIGKILL)

    def publish(self, model: Path, sample: Path, version: str) -> None:
        """Compile, sign and publish a version of the model ``demo``."""
        keys = self.folder / "keys"
        if not keys.exists():
            run([command("leeway-compiler"), "keys", "init", "--dir", str(keys)])
            run(
                [
                    command("leeway-fleet"),
                    "models",
                    "create",
                    "demo",
                    "--key",
                    str(keys / "ci.pub"),
                    *self.server_options,
                ]
            )
        compiler = command("leeway-compiler")
        what = [str(model), "--sample", str(sample), "--name", "demo", "--version", version]
        run([compiler, "compile", *what, "--out", str(self.folder)])
        bundle = str(self.folder / f"demo-{version}-portable.bundle")
        run([compiler, "publish", bundle, "--key", str(keys / "ci.key"), *self.server_options])

    def enroll(self, device_id: str) -> None:
        token = self.post("/api/v1/enrollment-tokens", {"device_id": device_id, "labels": {"site": "lab"}})["token"]
        arguments = ["--token", token, "--state", str(self.folder / device_id)]
        url = self.server_options[1]
        run([command("leeway-agent"), "enroll", "--server", url, *arguments])

    def run_agent(self, device_id: str, source: str, window_s: int) -> None:
        options = ["--state", str(self.folder / device_id), "--source", source, "--window-s", str(window_s)]
        self.start(device_id, [command("leeway-agent"), "run", *options])

    def deploy(self, version: str, **more: Any) -> str:
        body = {"model": "demo", "version": version, **more}
        return str(self.post("/api/v1/deployments", body)["id"])

    def get(self, path: str) -> Json:
        return _body(self.api.get(path))

    def post(self, path: str, body: Json | None = None) -> Json:
        return _body(self.api.post(path, json=body))

    def until(self, is_so: Callable[[], bool], within_s: float = WAIT_S) -> None:
        """Wait until something holds; fail with the logs when it does not come to hold."""
        deadline = time.monotonic() + within_s
        while not is_so():
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.1)

    def logs(self) -> str:
        files = sorted(self.folder.glob("*.log"))
        return "\n".join(f"--- {file.name}\n{file.read_text(errors='replace')[-3000:]}" for file in files)

    def champion(self, device_id: str) -> str | None:
        slots = self.get(f"/api/v1/devices/{device_id}")["slots"]
        return next((slot["version"] for slot in slots if slot["slot"] == "champion"), None)

    def rows_scored(self, device_id: str) -> int:
        return int(self.get(f"/api/v1/devices/{device_id}/telemetry")["rows_scored"])

    def _is_healthy(self) -> bool:
        try:
            return self.api.get("/health").is_success
        except httpx.TransportError:
            return False


def _body(answer: httpx.Response) -> Json:
    assert answer.is_success, f"{answer.request.url}: {answer.status_code} {answer.text}"
    return dict(json.loads(answer.content))
