"""Files that are read up to a limit, and that appear whole or not at all."""

import stat
from pathlib import Path

from compiler.errors import CompilerError


def read_limited(path: Path, max_bytes: int) -> bytes:
    """Read a regular file; a device or a pipe, which may have no end, is refused.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is larger, or no regular file.
    """
    if not stat.S_ISREG(path.stat().st_mode):  # before it is opened: that alone may wait for ever
        raise ValueError("it is no regular file")
    with path.open("rb") as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise ValueError(f"it has more than {max_bytes} bytes")
    return data


def write_whole(path: Path, data: bytes) -> None:
    """Write a file; should the disk be full, what was there before stays.

    Raises:
        CompilerError: The file cannot be written.
    """
    if not path.name:
        raise CompilerError(f"cannot write {path}: it names no file")
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        _discard(partial)
        is_file = isinstance(error, FileExistsError | NotADirectoryError)
        reason = f"{path.parent} is no folder" if is_file else error.strerror
        raise CompilerError(f"cannot write {path}: {reason}") from error


def _discard(partial: Path) -> None:
    try:
        partial.unlink(missing_ok=True)
    except OSError:
        return  # where nothing can be written there is nothing to remove
