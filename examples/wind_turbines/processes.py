"""Starts and stops the commands of Leeway as real processes, each with its own log."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

STOP_TIMEOUT_S = 15.0


class CommandError(Exception):
    """A command ended with an error; the text is what it said."""


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
    """A process that runs until the block ends.

    Args:
        arguments: The command line.
        log: File that takes what the process prints.
    """

    def __init__(self, arguments: list[str], log: Path) -> None:
        self._arguments = arguments
        self._log = log

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def check(self) -> None:
        """Raise if the process has ended by itself.

        Raises:
            CommandError: It has; the text holds the end of its log.
        """
        if self._process.poll() is not None:
            end = "\n".join(self._log.read_text(errors="replace").splitlines()[-15:])
            raise CommandError(f"{Path(self._arguments[0]).name} ended with {self._process.returncode}:\n{end}")
