"""Files that appear whole or not at all."""

from pathlib import Path

from compiler.errors import CompilerError


def write_whole(path: Path, data: bytes) -> None:
    """Write a file; should the disk be full, what was there before stays.

    Raises:
        CompilerError: The file cannot be written.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        _discard(partial)
        raise CompilerError(f"cannot write {path}: {error.strerror}") from error


def _discard(partial: Path) -> None:
    try:
        partial.unlink(missing_ok=True)
    except OSError:
        return  # where nothing can be written there is nothing to remove
