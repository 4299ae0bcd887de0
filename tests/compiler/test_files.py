"""Files of the compiler, whole or not at all."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from compiler.errors import CompilerError
from compiler.files import write_whole


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process grows beyond 4 KiB: not what pytest says to a file either, so for a moment only."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_leaves_the_old_file_and_no_part_of_the_new(tmp_path: Path) -> None:
    path = tmp_path / "pump.bundle"
    write_whole(path, b"old")
    with full_disk(), pytest.raises(CompilerError, match=r"cannot write .*pump\.bundle: File too large"):
        write_whole(path, bytes(100_000))
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == {path: b"old"}


@pytest.mark.parametrize("path", [".", "/"])
def test_a_path_without_a_name_is_told(path: str) -> None:
    with pytest.raises(CompilerError, match="it names no file"):
        write_whole(Path(path), b"new")


def test_a_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(CompilerError, match=r"cannot write .*out/pump\.bundle: .*out is no folder"):
        write_whole(tmp_path / "out" / "pump.bundle", b"new")
