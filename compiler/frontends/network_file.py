"""The files of neural networks: Keras's ``.keras``, torch's exported programs and pickled modules."""

from pathlib import Path

from compiler.errors import ModelError, one_line
from compiler.frontends.source import SourceModel
from device_contract.canonical import sha256_hex

_KERAS_SUFFIX = ".keras"
SUFFIXES = (_KERAS_SUFFIX, ".pt2", ".pt", ".pth")


def read_network(data: bytes, path: Path, *, trust_pickle: bool) -> SourceModel:
    """Read a network by what its file's name ends with.

    Args:
        data: The file.
        path: Its path, for the name and for messages.
        trust_pickle: Load torch's files, which run any code that they hold.

    Raises:
        ModelError: It is not sound, not trusted, or its library is not installed.
    """
    suffix = path.suffix.lower()
    if suffix != _KERAS_SUFFIX and not trust_pickle:
        raise ModelError(
            f"{path}: torch runs code that a {suffix} file holds; pass --trust-pickle if it is yours, or give its ONNX"
        )
    try:
        return _read(data, suffix)
    except ModelError as error:
        raise ModelError(f"{path}: {one_line(error)}") from error
    except ModuleNotFoundError as error:
        raise ModelError(f"{path}: install {error.name}, which the model was made with") from error


def _read(data: bytes, suffix: str) -> SourceModel:
    # Each imports its own library.
    if suffix == _KERAS_SUFFIX:
        from compiler.frontends.keras_model import KerasModel, load_keras  # noqa: PLC0415  (see above)

        return KerasModel(load_keras(data), sha256_hex(data))
    from compiler.frontends.torch_module import TorchModel, load_torch  # noqa: PLC0415  (see above)

    return TorchModel(load_torch(data, suffix), sha256_hex(data))
