"""A real mosquitto as a process."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.support.ports import is_listening
from tests.support.waiting import wait_until

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")  # not on every user's PATH


def start_mosquitto(settings: Path, port: int) -> "subprocess.Popen[bytes]":
    """Start a broker that is configured to listen on the port; its log is beside its settings."""
    assert MOSQUITTO is not None, "install mosquitto"
    log = settings.with_suffix(".log")
    with log.open("ab") as output:
        process = subprocess.Popen([MOSQUITTO, "-c", str(settings)], stdout=output, stderr=output)

    def listens() -> bool:
        assert process.poll() is None, log.read_text()
        return is_listening(port)

    wait_until(listens, "mosquitto listens")
    return process
