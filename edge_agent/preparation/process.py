"""The agent's end of the preparing child process: starts it, listens, and can kill it."""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable

import msgspec

from edge_agent.preparation.messages import Job, Ready, Refused


class PreparationProcess:
    """One child process.

    Args:
        job: What to prepare.
        timeout_s: Longest time that it may take.
        done: Told the outcome and of whom, from a thread of this object's; not told after ``kill``.
    """

    def __init__(
        self, job: Job, timeout_s: float, done: "Callable[[PreparationProcess, Ready | Refused], None]"
    ) -> None:
        self._job = job
        self._timeout_s = timeout_s
        self._done = done
        self._is_killed = threading.Event()
        self._is_late = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="preparation", daemon=True)

    def start(self) -> None:
        """Start the child."""
        self._thread.start()

    def kill(self) -> None:
        """End the child, whatever it does; a download goes on from its partial file next time."""
        self._is_killed.set()
        if self._process is not None:
            self._process.kill()
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        outcome = self._outcome()
        if not self._is_killed.is_set():
            self._done(self, outcome)

    def _outcome(self) -> Ready | Refused:
        # -P: a random.py in the folder where the application runs is not the module of that name.
        command = [sys.executable, "-P", "-m", "edge_agent.preparation"]
        try:
            process = self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        except OSError as error:
            return _crashed(f"cannot start: {error}")
        if self._is_killed.is_set():  # before there was a child to kill
            process.kill()
        timer = threading.Timer(self._timeout_s, self._end_late)
        timer.daemon = True
        timer.start()
        try:
            # The end of the with closes the pipe, which fails again where the child read no job.
            with contextlib.suppress(BrokenPipeError), process:
                outcome = self._talk(process)
            return outcome
        finally:
            timer.cancel()

    def _talk(self, process: "subprocess.Popen[bytes]") -> Ready | Refused:
        """Send the job and wait; the open pipe tells the child that the agent lives."""
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018  (both are pipes)
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(msgspec.json.encode(self._job) + b"\n")
            process.stdin.flush()
        answer = process.stdout.read()
        if answer:
            return _decode(answer)
        if self._is_late.is_set():
            detail = f"not done after {self._timeout_s:g} s"
            return Refused(reason_code="preparation_timeout", detail=detail, is_final=False)
        return _crashed(f"it ended with exit code {process.wait()}")

    def _end_late(self) -> None:
        self._is_late.set()
        if self._process is not None:
            self._process.kill()


def _decode(answer: bytes) -> Ready | Refused:
    try:
        return msgspec.json.decode(answer, type=Ready | Refused)
    except msgspec.DecodeError as error:
        return _crashed(f"it answered {answer[:80]!r}: {error}")


def _crashed(detail: str) -> Refused:
    return Refused(reason_code="preparation_crashed", detail=detail, is_final=False)
