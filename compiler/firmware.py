"""C files of models built for a microcontroller, and what they take of its flash and RAM.

The build is linked as a firmware links it: what ``NAME_score`` needs and nothing else,
with the C library's ``exp`` and the arithmetic that the processor lacks.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from compiler.backends.c_model import Model
from compiler.errors import BudgetError, CompilerError
from device_contract.profile import FirmwareProfile

COMPILER = "arm-none-eabi-gcc"
SIZE = "arm-none-eabi-size"
COMPILE_FLAGS = ("-std=c99", "-Os", "-ffp-contract=off", "-ffunction-sections", "-fdata-sections")
PROCESSOR_FLAGS = {"cortex-m4": ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16")}
_LINK_FLAGS = ("-nostartfiles", "--specs=nano.specs", "-Wl,--gc-sections", "-Wl,--entry=0")


@dataclass(frozen=True)
class Share:
    """What models take of one of a microcontroller's memories, and what its profile grants.

    Attributes:
        memory: ``flash`` holds code and constants; ``RAM`` variables, and for each model one row and its scores.
            What a call takes of the stack is not counted.
        taken_bytes: Measured.
        granted_bytes: The profile's budget.
    """

    memory: Literal["flash", "RAM"]
    taken_bytes: int
    granted_bytes: int


def measure(models: Sequence[Model], sources: Mapping[str, str], profile: FirmwareProfile) -> tuple[Share, Share]:
    """Build the sources of a firmware's models for a profile's processor and measure them.

    Args:
        models: The models.
        sources: Text of each file, by its name.
        profile: A microcontroller's.

    Raises:
        CompilerError: The profile is no microcontroller's, the cross compiler is not
            installed, or it refuses the sources.
    """
    if profile.processor not in PROCESSOR_FLAGS:
        raise CompilerError(f"profile {profile.name!r} is of a {profile.processor}, which is no microcontroller")
    flags = (*COMPILE_FLAGS, *PROCESSOR_FLAGS[profile.processor], *_LINK_FLAGS)
    with tempfile.TemporaryDirectory() as folder:
        for file, text in sources.items():
            (Path(folder) / file).write_text(text)
        compiled = [file for file in sources if file.endswith(".c")]
        wanted = [f"-Wl,--undefined={model.identifier}_score" for model in models]
        _run(COMPILER, *flags, *wanted, *compiled, "-lm", "-o", "firmware.elf", folder=folder)
        _, sizes = _run(SIZE, "firmware.elf", folder=folder).splitlines()
    text_bytes, data_bytes, bss_bytes = (int(size) for size in sizes.split()[:3])
    row_bytes = sum(4 * model.vectors.n_features + 8 * model.vectors.n_outputs for model in models)
    return (
        Share("flash", text_bytes + data_bytes, profile.max_artifact_bytes),
        Share("RAM", data_bytes + bss_bytes + row_bytes, profile.max_rss_bytes),
    )


def hold(shares: tuple[Share, ...], profile: FirmwareProfile) -> None:
    """Refuse models that take more than a profile grants.

    Raises:
        BudgetError: It does; the message holds the figures.
    """
    broken = [
        f"{share.memory} {share.taken_bytes} bytes, at most {share.granted_bytes}"
        for share in shares
        if share.taken_bytes > share.granted_bytes
    ]
    if broken:
        raise BudgetError(f"the export breaks the budget of profile {profile.name!r}: {'; '.join(broken)}")


def _run(program: str, *arguments: str, folder: str) -> str:
    if shutil.which(program) is None:
        raise CompilerError(f"{program} is not installed: apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi")
    done = subprocess.run([program, *arguments], cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        said = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip())
        raise CompilerError(f"{program} does not build the export: {said}")
    return done.stdout
