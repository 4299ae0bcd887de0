"""Debian's packages for another processor, unpacked into folders; this machine's dpkg is left alone.

apt is given lists, cache and state of its own, and the processor's name. It reads this
machine's sources and keys, so what it fetches is signed by whom the machine trusts.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from cross_build.targets import Target

PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
DEVELOPMENT = "development"
"""Python's headers; libffi for the dependency cffi, which takes the static one: the other is not there."""
INTERPRETER = "interpreter"
"""Python with all that its standard library is linked with, save databases and screens."""
_PACKAGES = {
    DEVELOPMENT: (f"lib{PYTHON}-dev", "libffi-dev"),
    INTERPRETER: (
        *(f"{PYTHON}-minimal", f"lib{PYTHON}-minimal", f"lib{PYTHON}-stdlib"),
        *("libbz2-1.0", "libc6", "libexpat1", "libffi8", "libgcc-s1", "liblzma5", "libssl3", "zlib1g"),
    ),
}


def unpacked(target: Target, cache: Path) -> Path:
    """Return a folder with the packages of a processor, unpacked into a folder for each purpose.

    They are fetched once.

    Args:
        target: The processor.
        cache: Where such folders are kept.

    Raises:
        subprocess.CalledProcessError: apt cannot fetch them, or they cannot be unpacked.
    """
    digest = hashlib.sha256(repr(_PACKAGES).encode()).hexdigest()[:12]
    folder = cache / f"{target.debian}-{digest}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            _unpack(target, Path(scratch))
            _keep(Path(scratch) / "unpacked", folder)
    return folder


def _unpack(target: Target, scratch: Path) -> None:
    for name in ("lists/partial", "archives/partial"):
        (scratch / name).mkdir(parents=True)
    settings = {
        "APT::Architecture": target.debian,
        "APT::Architectures": target.debian,
        "APT::Sandbox::User": "root",
        "Acquire::Retries": "3",
        "Dir::Cache": str(scratch),
        "Dir::State::lists": str(scratch / "lists"),
        "Dir::State::status": "/dev/null",
    }
    unpack = ["dpkg", "-x"]
    apt = ["apt-get", "-qq", *(word for name, value in settings.items() for word in ("-o", f"{name}={value}"))]
    # An index that cannot be had is left out: what is missing then, the next command says.
    subprocess.run([*apt, "update"], check=False, capture_output=True)
    for purpose, packages in _PACKAGES.items():
        downloads, folder = scratch / purpose, scratch / "unpacked" / purpose
        downloads.mkdir()
        folder.mkdir(parents=True)
        subprocess.run([*apt, "download", *packages], cwd=downloads, check=True, stdout=subprocess.DEVNULL)
        for package in sorted(downloads.iterdir()):
            subprocess.run([*unpack, str(package), str(folder)], check=True)


def _keep(made: Path, folder: Path) -> None:
    """Give a finished folder its name; should another process have been faster, its folder stays."""
    try:
        made.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
        shutil.rmtree(made)
