"""A fleet server in a process of its own, set up and served by its own commands."""

import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support.ports import free_port

LEEWAY_FLEET = [sys.executable, "-c", "from fleet_server.cli import main; main()"]
READY_WITHIN_S = 60
STOPPED_WITHIN_S = 30


class RunningServer:
    """Where the server is, and what its operator has.

    Args:
        data: Its data folder.
        http_port: Its port on this machine.
    """

    def __init__(self, data: Path, http_port: int) -> None:
        self.data = data
        self.url = f"https://127.0.0.1:{http_port}"
        self.ca = data / "ca" / "ca.crt"
        self.trust = ssl.create_default_context(cafile=self.ca)
        self.admin_token = (data / "admin.token").read_text().strip()

    def post(self, path: str, **content: Any) -> httpx.Response:
        """Post as the administrator."""
        headers = {"Authorization": f"Bearer {self.admin_token}"}
        return httpx.post(f"{self.url}{path}", headers=headers, verify=self.trust, trust_env=False, **content)

    def is_healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", verify=self.trust, trust_env=False).is_success
        except httpx.TransportError:
            return False


@contextmanager
def run_server(data: Path) -> Iterator[RunningServer]:
    """Set a server up in the folder, run it, and stop it."""
    http_port, mqtt_port = free_port(), free_port()
    ports = ["--http-port", str(http_port), "--mqtt-port", str(mqtt_port)]
    subprocess.run([*LEEWAY_FLEET, "init", "--data", str(data), *ports], check=True, stdout=subprocess.DEVNULL)
    log = data / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen([*LEEWAY_FLEET, "serve", "--data", str(data)], stdout=output, stderr=output)
    try:
        server = RunningServer(data, http_port)
        deadline = time.monotonic() + READY_WITHIN_S
        while not server.is_healthy():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield server
    finally:
        process.terminate()
        process.wait(STOPPED_WITHIN_S)
