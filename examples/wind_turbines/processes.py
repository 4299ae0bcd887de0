"""Starts and stops the commands of Leeway as real processes, each with its own log."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

STOP_TIMEOUT_S = 15.0
_LOG_LINES = 20


class CommandError(Exception):
    """A command or a request failed; the text is what was said."""


def command(name: str) -> str:
    """Return the path of one of Leeway's commands, installed beside this Python."""
    return str(Path(sys.executable).with_name(name))


def run(arguments: list[str]) -> str:
    """Run a command to its end and return what it printed.

    Raises:
        CommandError: It ended with another exit code than 0.
    """
    done = subprocess.run(arguments, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise CommandError(f"{Path(arguments[0]).name} {arguments[1]} ended with {done.returncode}: {said}")
    return done.stdout


def free_port() -> int:
    """Return a TCP port of the loopback interface that nobody uses now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class Background:
    """A process that runs until it is ended.

    Args:
        arguments: The command line.
        log: File to which what the process prints is added.
    """

    def __init__(self, arguments: list[str], log: Path) -> None:
        self._name = Path(arguments[0]).name
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal and wait; a process that does not end is killed."""
        self._process.send_signal(how)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def check(self) -> None:
        """Notice a process that has ended by itself.

        Raises:
            CommandError: It has; the text holds the end of its log.
        """
        if self._process.poll() is not None:
            raise CommandError(f"{self._name} ended with {self._process.returncode}:\n{self.said()}")

    def said(self) -> str:
        """Return the end of the log."""
        lines = self._log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
        return "\n".join([f"--- {self._log.name}", *lines])
