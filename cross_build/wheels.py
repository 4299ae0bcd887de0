"""Wheels for other processors: pip and setuptools, told to compile for the target.

The same sources give the same bytes, in whatever folder they lie: times and modes are
fixed, and no debug information names a path.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from cross_build.debian import DEVELOPMENT, PYTHON, unpacked
from cross_build.targets import Target

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / "build" / "cross"
_SOURCES = ("pyproject.toml", "setup.py", "README.md")
_HOUSES = ("device_contract", "edge_agent", "detectors", "compiler", "fleet_server", "firmware_profiles")
_EARLIEST = "315532800"
"""1980-01-01, where the time of a zip archive begins."""


def copy_sources(folder: Path) -> None:
    """Copy what the distribution is built from, without anything that was built."""
    folder.mkdir(parents=True)
    for name in _SOURCES:
        shutil.copyfile(ROOT / name, folder / name)
    for name in _HOUSES:
        shutil.copytree(ROOT / name, folder / name, ignore=_made, copy_function=shutil.copyfile)


def _made(_folder: str, names: list[str]) -> set[str]:
    """Return those of a folder's names that a build or a run makes; Cython makes a source of C for each of its own."""
    cython = {name.removesuffix(".pyx") + ".c" for name in names if name.endswith(".pyx")}
    return {name for name in names if name in cython or name.endswith(".so") or name == "__pycache__"}


def build_agent(target: Target, sources: Path, out: Path) -> None:
    """Build the wheel of this distribution.

    Args:
        target: The processor.
        sources: What ``copy_sources`` made.
        out: Folder for the wheel.

    Raises:
        subprocess.CalledProcessError: It cannot be built; what the tools say is on standard error.
    """
    _pip_wheel(target, out, str(sources))


def build_dependencies(target: Target, scratch: Path, out: Path) -> None:
    """Build wheels of the dependencies for which PyPI has none for this processor.

    They are built from the source archives that ``requirements.lock`` names by their hashes.

    Args:
        target: The processor.
        scratch: An empty folder.
        out: Folder for the wheels.

    Raises:
        subprocess.CalledProcessError: One cannot be fetched or built.
    """
    if target.from_source:
        names = ",".join(target.from_source)
        pinned = scratch / "pinned.txt"
        pinned.write_text(locked(*target.from_source))
        _pip_wheel(target, out, "--no-binary", names, "--require-hashes", "--requirement", str(pinned))


def locked(*names: str) -> str:
    """Return the lines of ``requirements.lock`` for some distributions: version and hashes."""
    requirements = re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text())
    return "\n".join(each.strip() for each in requirements if each.split("==")[0] in names) + "\n"


def _pip_wheel(target: Target, out: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-cache-dir"]
    subprocess.run([*command, "--wheel-dir", str(out), *arguments], check=True, env=_environment(target), umask=0o022)


def _environment(target: Target) -> dict[str, str]:
    """Return what pip, setuptools and Python's own build settings are steered by."""
    system = unpacked(target, CACHE) / DEVELOPMENT
    headers, libraries = system / "usr" / "include", system / "usr" / "lib" / target.triplet
    includes = " ".join(f"-I{folder}" for folder in (headers, headers / PYTHON, headers / target.triplet))
    compiler = shlex.join(target.compiler)
    return {
        **os.environ,
        "CC": compiler,
        "LDSHARED": f"{compiler} -shared -s -O2 -L{libraries}",
        # zig looks for undefined behaviour unless it is told not to; -g0 leaves paths out.
        "CFLAGS": f"{includes} -O2 -DNDEBUG -fwrapv -g0 -fno-sanitize=all",
        "PKG_CONFIG_LIBDIR": str(libraries / "pkgconfig"),
        "PKG_CONFIG_SYSROOT_DIR": str(system),
        "SETUPTOOLS_EXT_SUFFIX": target.extension_suffix,
        "SOURCE_DATE_EPOCH": _EARLIEST,
        "ZIG_GLOBAL_CACHE_DIR": str(CACHE / "zig"),
        "_PYTHON_HOST_PLATFORM": target.platform,
    }
