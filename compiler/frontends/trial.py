"""A first run of a model's file in a process of its own, with bounded memory and time.

A small file may unfold to any size while it is parsed, loaded or run (a message of two bytes
becomes an object of a hundred; ``ConstantOfShape`` makes gigabytes of one number; a ``Loop`` need not
end), and libraries written in C++ may fall over a malformed one. All that happens here first.
"""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

from compiler.errors import ModelError
from compiler.frontends.source import SourceModel

MEMORY_BYTES = 4 << 30
"""Address space of the trial, without what the file itself takes."""
PROCESSOR_S = 60
"""Processor time of the trial, seconds."""
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # each thread reserves address space
_EDGES = (0.0, 1.0, -1.0, 1e6, -1e6)


def try_out(data: bytes, path: Path, *, processor_s: int = PROCESSOR_S, memory_bytes: int = MEMORY_BYTES) -> None:
    """Read a model and score some rows of it, in another process.

    Args:
        data: The file.
        path: Where it lies; an ONNX file or a booster's.
        processor_s: Processor time that it may take, seconds.
        memory_bytes: Address space that it may take; eight times the size of the file is added.

    Raises:
        ModelError: What the reader says of it, or that it needs more than it may have.
    """
    memory_bytes += 8 * len(data)
    command = [
        sys.executable,
        "-P",
        "-m",
        "compiler.frontends.trial",
        str(path),
        str(processor_s),
        str(memory_bytes),
    ]
    run = subprocess.run(command, input=data, capture_output=True, check=False, env=os.environ | _ONE_THREAD)
    if run.returncode == ModelError.exit_code:
        raise ModelError(run.stdout.decode(errors="replace"))
    if run.returncode == -signal.SIGXCPU:
        raise ModelError(f"the model takes more than {processor_s} s to load and to score {len(_EDGES)} rows")
    if run.returncode != 0:
        raise ModelError(
            "the model brings down the process that loads it: it is malformed, or needs more than "
            f"{memory_bytes >> 20} MiB of memory"
        )


def _limit(processor_s: int, memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (processor_s, processor_s + 5))  # SIGXCPU first, which tells why
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> int:
    """Read a model from standard input; returns the exit code, and writes why it is not 0."""
    path, processor_s, memory_bytes = sys.argv[1:]
    _limit(int(processor_s), int(memory_bytes))
    data = sys.stdin.buffer.read()
    try:
        model = _read(data, Path(path))
        model.score(np.repeat(np.array(_EDGES, np.float32)[:, None], model.signature.n_features, axis=1))
    except ModelError as error:
        sys.stdout.write(str(error))
        return ModelError.exit_code
    return 0


def _read(data: bytes, path: Path) -> SourceModel:
    # Imported under the limits too.
    if path.suffix.lower() == ".onnx":
        from compiler.frontends.onnx_file import OnnxFileModel  # noqa: PLC0415  (see above)

        return OnnxFileModel(data, path.parent)
    from compiler.frontends.booster_file import load  # noqa: PLC0415  (see above)

    return load(data, path)


if __name__ == "__main__":
    sys.exit(main())
