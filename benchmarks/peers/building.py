"""Code generators: their C is compiled once for a model, within ten minutes and 8 GiB, and kept."""

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.contender import UnavailableError

LIMIT_S, LIMIT_BYTES = 600, 8 * 2**30


def built(target: Path, generate: Callable[[Path], Sequence[Path]]) -> Path:
    """Return a shared library, built now or in an earlier run.

    Args:
        target: Where it is kept; the reason for having none is kept beside it.
        generate: Writes C files into a folder and returns those to compile.

    Raises:
        UnavailableError: The generator fails, or the compiler takes more than ``LIMIT_S`` seconds.
    """
    refusal = target.with_suffix(".refused")
    if refusal.exists():
        raise UnavailableError(refusal.read_text())
    if not target.exists():
        try:
            _build(target, generate)
        except UnavailableError as error:
            refusal.write_text(str(error))
            raise
    return target


def _build(target: Path, generate: Callable[[Path], Sequence[Path]]) -> None:
    sources = target.with_suffix(".source")
    sources.mkdir(parents=True, exist_ok=True)
    try:
        files = generate(sources)
    except Exception as error:  # a generator raises whatever it meets
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:160]
        raise UnavailableError(f"generates no code: {reason}") from error
    compile_c(files, target)


def compile_c(files: Sequence[Path], target: Path) -> None:
    """Compile C files into a shared library with gcc -O2.

    Raises:
        UnavailableError: It fails or takes too long.
    """
    gcc = ["gcc", "-O2", "-shared", "-fPIC", "-w", "-o", str(target), *map(str, files), "-lm"]
    command = ["prlimit", f"--as={LIMIT_BYTES}", *gcc]
    # A session of its own: gcc's children have to go with it.
    compiler = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        status = compiler.wait(timeout=LIMIT_S)
    except subprocess.TimeoutExpired as error:
        os.killpg(compiler.pid, signal.SIGKILL)
        compiler.wait()
        raise UnavailableError(f"gcc -O2 takes more than {LIMIT_S // 60} minutes over its code") from error
    if status != 0:
        raise UnavailableError(f"gcc -O2 does not compile its code, within {LIMIT_BYTES >> 30} GiB")
