"""A whole fleet in one folder, driven through the public commands and the REST API."""

import signal
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from examples.wind_turbines.processes import Background, CommandError, command, free_port, run

Json = dict[str, Any]
STEP_TIMEOUT_S = 300.0


class Fleet:
    """A server, a key pair of CI, and devices, each a real process.

    Args:
        folder: Where everything is kept: ``fleet/``, ``keys/``, a folder for each device, logs.
        model: The name of the model that the fleet runs.
    """

    def __init__(self, folder: Path, model: str) -> None:
        self.folder = folder
        self.data = folder / "fleet"
        self.url = f"https://127.0.0.1:{free_port()}"
        self._model = model
        self._processes: dict[str, Background] = {}

    def set_up(self, *options: str) -> None:
        """Make the server's keys, certificates and database, and CI's keys.

        Args:
            *options: More options of ``leeway-fleet init``.
        """
        ports = ["--http-port", self.url.rsplit(":", 1)[1]]
        run([command("leeway-fleet"), "init", "--data", str(self.data), *ports, *options])
        context = ssl.create_default_context(cafile=str(self._ca))
        headers = {"Authorization": f"Bearer {self.token}"}
        self._api = httpx.Client(base_url=self.url, verify=context, headers=headers, trust_env=False)
        run([command("leeway-compiler"), "keys", "init", "--dir", str(self._keys)])

    def serve(self) -> None:
        """Start the server and wait until it answers."""
        self.start("server", [command("leeway-fleet"), "serve", "--data", str(self.data)])
        self.until("the server to answer", self._is_healthy)

    def start(self, name: str, arguments: list[str]) -> None:
        """Start a process that ends with the fleet."""
        self._processes[name] = Background(arguments, self.folder / f"{name}.log")

    def end(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        """End one process by a signal, and wait until it is gone."""
        self._processes.pop(name).end(how)

    def close(self) -> None:
        """End every process, the devices before the server."""
        for name in reversed(list(self._processes)):
            self.end(name)
        if hasattr(self, "_api"):
            self._api.close()

    @property
    def token(self) -> str:
        """The administrator's token."""
        return (self.data / "admin.token").read_text().strip()

    def publish(self, version: str, model: Path, sample: Path, *options: str) -> None:
        """Compile, sign and publish a version; the first time also make the model known."""
        compiler = command("leeway-compiler")
        described = ["--sample", str(sample), "--name", self._model, "--version", version, *options]
        run([compiler, "compile", str(model), *described, "--out", str(self.folder)])
        bundle = str(self.folder / f"{self._model}-{version}-portable.bundle")
        run([compiler, "sign", bundle, "--key", str(self._keys / "ci.key")])
        run([compiler, "publish", bundle, "--key", str(self._keys / "ci.key"), *self._server_options])

    def create_model(self) -> None:
        """Let CI's key publish versions of the model."""
        key = ["--key", str(self._keys / "ci.pub")]
        run([command("leeway-fleet"), "models", "create", self._model, *key, *self._server_options])

    def enroll(self, device_id: str) -> None:
        """Enrol a device; its state is kept in the folder of its name."""
        token = self.post("/api/v1/enrollment-tokens", {"device_id": device_id, "labels": {}})["token"]
        state = str(self.folder / device_id)
        run([command("leeway-agent"), "enroll", "--server", self.url, "--token", token, "--state", state])

    def run_agent(self, device_id: str, source: str, window_s: int) -> None:
        """Start an enrolled device's agent."""
        options = ["--state", str(self.folder / device_id), "--source", source, "--window-s", str(window_s)]
        self.start(device_id, [command("leeway-agent"), "run", *options])

    def deploy(self, version: str, **more: object) -> str:
        """Ask for a version on every device; return the deployment's id."""
        body = {"model": self._model, "version": version, **more}
        return str(self.post("/api/v1/deployments", body)["id"])

    def until_finished(self, deployment_id: str) -> None:
        """Wait until a deployment has finished.

        Raises:
            CommandError: It ended otherwise.
        """

        def has_finished() -> bool:
            deployment = self.get(f"/api/v1/deployments/{deployment_id}")
            if deployment["state"] not in {"running", "finished"}:
                raise CommandError(f"deployment is {deployment['state']}: {deployment['reason']}")
            return bool(deployment["state"] == "finished")

        self.until("the deployment to finish", has_finished)

    def champion(self, device_id: str) -> str | None:
        """Return the version that a device says it runs."""
        slots = self.get(f"/api/v1/devices/{device_id}")["slots"]
        return next((str(slot["version"]) for slot in slots if slot["slot"] == "champion"), None)

    def telemetry(self, device_id: str) -> Json:
        """Return what a device's reports add up to."""
        return self.get(f"/api/v1/devices/{device_id}/telemetry")

    def get(self, path: str) -> Json:
        """Read from the REST API.

        Raises:
            CommandError: The server answered with an error.
        """
        return _body(self._api.get(path))

    def post(self, path: str, body: Json | None = None) -> Json:
        """Ask something of the REST API.

        Raises:
            CommandError: The server answered with an error.
        """
        return _body(self._api.post(path, json=body))

    def until(self, what: str, is_so: Callable[[], bool]) -> None:
        """Wait until something holds.

        Raises:
            CommandError: It took too long, or a process ended by itself.
        """
        deadline = time.monotonic() + STEP_TIMEOUT_S
        while not is_so():
            for process in self._processes.values():
                process.check()
            if time.monotonic() > deadline:
                logs = "\n".join(process.said() for process in self._processes.values())
                raise CommandError(f"gave up waiting for {what} after {STEP_TIMEOUT_S:.0f} s\n{logs}")
            time.sleep(0.2)

    def _is_healthy(self) -> bool:
        try:
            return self._api.get("/health").is_success
        except httpx.TransportError:
            return False

    @property
    def _ca(self) -> Path:
        return self.data / "ca" / "ca.crt"

    @property
    def _keys(self) -> Path:
        return self.folder / "keys"

    @property
    def _server_options(self) -> list[str]:
        return ["--server", self.url, "--token", self.token, "--ca", str(self._ca)]


def _body(answer: httpx.Response) -> Json:
    if answer.is_error:
        raise CommandError(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}")
    body: Json = answer.json()
    return body
