"""Another processor's Python, with packages in it, run by QEMU."""

import shutil
import subprocess
import sys
from pathlib import Path

from cross_build.debian import INTERPRETER, PYTHON, unpacked
from cross_build.targets import Target
from cross_build.wheels import CACHE, locked

QEMU = {"aarch64": "qemu-aarch64-static", "armv7": "qemu-arm-static"}
DEPENDENCIES = ("msgspec", "cryptography", "cffi", "pycparser", "paho-mqtt", "securesystemslib", "tuf", "urllib3")
SYSTEM_PLATFORMS = tuple(f"manylinux_2_{minor}" for minor in (36, 35, 34, 31, 28, 17))
"""What wheels Debian 12 takes, whose C library is 2.36."""


def install(target: Target, site: Path, wheels: Path) -> None:
    """Install the wheels of a folder as pip on the device would, with dependencies as the lock pins them."""
    tags = [f"--platform={platform}_{target.machine}" for platform in SYSTEM_PLATFORMS]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(site), "--no-deps", *tags]
    pip += ["--only-binary=:all:", f"--python-version={PYTHON.removeprefix('python')}", "--implementation=cp"]
    pinned = wheels / "pinned.txt"
    pinned.write_text(locked(*set(DEPENDENCIES) - set(target.from_source)))
    subprocess.run([*pip, "--require-hashes", "--requirement", str(pinned)], check=True)
    built = [path for path in wheels.glob("*.whl") if target.platform in path.name]
    subprocess.run([*pip, "--no-index", *map(str, built)], check=True)


def python(target: Target, site: Path, *arguments: str, given: str = "") -> str:
    """Run the target's Python and return what it prints."""
    root = unpacked(target, CACHE) / INTERPRETER
    emulator = shutil.which(QEMU[target.name])
    assert emulator, f"{QEMU[target.name]} is missing; make cross installs it"
    command = [emulator, "-L", str(root), str(root / "usr" / "bin" / PYTHON), "-B", *arguments]
    done = subprocess.run(
        command, env={"PYTHONPATH": str(site)}, cwd=site, check=True, capture_output=True, text=True, input=given
    )
    return done.stdout
