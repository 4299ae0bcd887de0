"""The machine that a results page comes from, and how it is kept to one thread."""

import os
import platform
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Environment variables by which every library leaves the other cores alone."""


def describe() -> str:
    """Describe the processor, the system and Python."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{models[0] if models else platform.processor()}, {os.cpu_count()} cores, {system}"
