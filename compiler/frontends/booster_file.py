"""The files of boosted trees: LightGBM's text, XGBoost's JSON and UBJSON, CatBoost's JSON and ``.cbm``."""

from pathlib import Path

from compiler.errors import ModelError, one_line
from compiler.frontends import catboost_json, lightgbm_text, xgboost_json
from compiler.frontends.source import SourceModel
from device_contract.canonical import sha256_hex

SUFFIXES = (".txt", ".json", ".ubj", ".cbm")


def read_booster(data: bytes, path: Path) -> SourceModel:
    """Read a booster by what its file's name ends with, after a first run elsewhere: its library believes its numbers.

    Args:
        data: The file.
        path: Its path, for the name and for messages.

    Raises:
        ModelError: It is not sound, or its library is not installed.
    """
    from compiler.frontends.trial import try_out  # noqa: PLC0415  (a program of its own, too)

    try:
        _check(data, path.suffix.lower())
    except (ModelError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: {one_line(error)}") from error
    try_out(data, path)
    return load(data, path)


def _check(data: bytes, suffix: str) -> None:
    """Refuse at once what our own readers refuse; CatBoost's binary form has none."""
    if suffix == ".txt":
        lightgbm_text.read_text(data.decode())
    elif suffix == ".json" and catboost_json.is_catboost(data):
        catboost_json.read_document(data)
    elif suffix in {".json", ".ubj"}:
        xgboost_json.read_document(data)


def load(data: bytes, path: Path) -> SourceModel:
    """Read a booster in this process.

    Raises:
        ModelError: It is not sound, or its library is not installed.
    """
    try:
        return _read(data, path.suffix.lower())
    except (ModelError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: {one_line(error)}") from error
    except ModuleNotFoundError as error:
        raise ModelError(f"{path}: install {error.name}, which the model was trained with") from error


def _read(data: bytes, suffix: str) -> SourceModel:
    # Each imports its own library.
    if suffix == ".txt":
        from compiler.frontends.lightgbm_model import LightgbmModel  # noqa: PLC0415  (see above)

        return LightgbmModel(data.decode(), sha256_hex(data))
    if suffix == ".cbm" or (suffix == ".json" and catboost_json.is_catboost(data)):
        from compiler.frontends import catboost_model  # noqa: PLC0415  (see above)

        return catboost_model.read_file(data, sha256_hex(data))
    from compiler.frontends.xgboost_model import XgboostModel  # noqa: PLC0415  (see above)

    return XgboostModel(data)
