"""A model's file, by the kind that its name tells."""

from pathlib import Path

from compiler.errors import ModelError, one_line
from compiler.files import read_limited
from compiler.frontends import booster_file, network_file
from compiler.frontends.source import SourceModel
from device_contract.bundle import MAX_BUNDLE_BYTES
from device_contract.canonical import sha256_hex

_ONNX_SUFFIX = ".onnx"
_PICKLE_SUFFIXES = (".pkl", ".pickle", ".joblib")
_SKOPS_SUFFIX = ".skops"
_SUFFIXES = (_ONNX_SUFFIX, _SKOPS_SUFFIX, *_PICKLE_SUFFIXES, *booster_file.SUFFIXES, *network_file.SUFFIXES)


def read_model(path: Path, *, trust_pickle: bool = False) -> SourceModel:
    """Read a trained model by what its name ends with.

    ``.onnx``, ``.skops``, a pickle (``.pkl``, ``.pickle``, ``.joblib``), LightGBM's ``.txt``, XGBoost's ``.json`` and
    ``.ubj``, CatBoost's ``.json`` and ``.cbm``, ``.keras``, torch's ``.pt2``, ``.pt`` and ``.pth``.

    Args:
        path: The file.
        trust_pickle: Load pickles and torch's files, which run any code that they hold.

    Raises:
        ModelError: The file cannot be read, or its model is not one that the compiler takes.
    """
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise ModelError(f"{path}: unknown kind of model {suffix!r}; there are {', '.join(_SUFFIXES)}")
    data = _read(path)
    if suffix == _ONNX_SUFFIX:
        from compiler.frontends.onnx_file import OnnxFileModel  # noqa: PLC0415  (each kind imports its own libraries)
        from compiler.frontends.trial import try_out  # noqa: PLC0415  (the same)

        try_out(data, path)
        return OnnxFileModel(data, path.parent)
    if suffix in booster_file.SUFFIXES:
        return booster_file.read_booster(data, path)
    if suffix in network_file.SUFFIXES:
        return network_file.read_network(data, path, trust_pickle=trust_pickle)
    from compiler.frontends.model_object import source_of  # noqa: PLC0415  (the same)

    if suffix == _SKOPS_SUFFIX:
        from compiler.frontends.skops_file import load_skops  # noqa: PLC0415  (the same)

        estimator = load_skops(data, path)
    else:
        from compiler.frontends.pickle_file import load_pickle  # noqa: PLC0415  (the same)

        estimator = load_pickle(data, path, trust_pickle=trust_pickle)
    try:
        return source_of(estimator, sha256_hex(data))
    except ModelError:
        raise
    except Exception as error:  # an estimator that misses a part may raise anything
        raise ModelError(f"the {type(estimator).__name__} in {path} is not whole: {one_line(error)}") from error


def _read(path: Path) -> bytes:
    try:
        data = read_limited(path, MAX_BUNDLE_BYTES)
    except ValueError as error:
        raise ModelError(f"cannot read model {path}: {error}") from error
    except OSError as error:
        raise ModelError(f"cannot read model {path}: {error.strerror}") from error
    if not data:
        raise ModelError(f"cannot read model {path}: it is empty")
    return data
