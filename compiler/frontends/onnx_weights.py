"""ONNX models that keep weights in files beside them, made to hold them themselves.

Exporters write large models that way. The model says in which files its weights lie, so it
could name any file of this machine: only regular files inside its own folder are read.
Source: https://onnx.ai/onnx/repo-docs/ExternalData.html
"""

import stat
from pathlib import Path

from onnx import ModelProto, TensorProto

from compiler.backends.onnx_graph import stored_tensors
from compiler.errors import ModelError
from device_contract.bundle import MAX_BUNDLE_BYTES


def take_weights_inside(model: ModelProto, folder: Path | None) -> bool:
    """Put weights that lie in other files into the model, in place; tell whether there were any.

    Args:
        model: The model.
        folder: Where its file lies; ``None`` for a model without a file.

    Raises:
        ModelError: The weights are not in regular files inside the folder, or are too large.
    """
    outside = [tensor for tensor in stored_tensors(model) if tensor.data_location == TensorProto.EXTERNAL]
    if outside and folder is None:
        raise ModelError("the ONNX model keeps weights in another file; save it with its weights inside")
    room = MAX_BUNDLE_BYTES
    for tensor in outside:
        tensor.raw_data = _read(tensor, Path() if folder is None else folder, room)
        room -= len(tensor.raw_data)
        tensor.data_location = TensorProto.DEFAULT
        del tensor.external_data[:]
    return bool(outside)


def _read(tensor: TensorProto, folder: Path, room: int) -> bytes:
    """Read a tensor's bytes, no more than there is room for."""
    said = {entry.key: entry.value for entry in tensor.external_data}
    what = f"weights {tensor.name[:80]!r} of the ONNX model"
    path = _inside(folder, said.get("location", ""), what)
    try:
        offset = int(said.get("offset") or 0)
        length = int(said.get("length") or path.stat().st_size - offset)
        if not (offset >= 0 < length <= room and offset + length <= path.stat().st_size):
            raise ModelError(
                f"the {what} are not whole in {path}, or all weights have more than {MAX_BUNDLE_BYTES} bytes"
            )
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(length)
    except ValueError as error:
        raise ModelError(f"the {what} lie at no place of {path}: {error}") from error
    except OSError as error:
        raise ModelError(f"cannot read the {what} in {path}: {error.strerror}") from error


def _inside(folder: Path, location: str, what: str) -> Path:
    """Return the regular file that a location names, links followed, if it lies inside the folder."""
    try:
        path = (folder / location).resolve(strict=True)
        if path.is_relative_to(folder.resolve()) and stat.S_ISREG(path.stat().st_mode):
            return path
    except (OSError, ValueError, RuntimeError) as error:  # a NUL in the name; a ring of links
        raise ModelError(f"the {what} should be in {location[:200]!r} beside it, which cannot be read") from error
    raise ModelError(f"the {what} should be in {location[:200]!r}, which is no file in the model's own folder")
