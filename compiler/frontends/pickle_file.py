"""scikit-learn models from pickles, only when the caller trusts them."""

import io
from pathlib import Path
from typing import Any

import joblib

from compiler.errors import ModelError, one_line
from compiler.frontends.library_version import tell_of_other_versions


def load_pickle(data: bytes, path: Path, *, trust_pickle: bool) -> Any:
    """Load a pickle or joblib file.

    Raises:
        ModelError: The caller does not trust pickles, or the file is not sound.
    """
    if not trust_pickle:
        raise ModelError(
            f"{path} is a pickle, and loading a pickle runs any code that it holds: "
            "save the model with skops.io.dump, or pass --trust-pickle if you made the file yourself"
        )
    try:
        with tell_of_other_versions():
            return joblib.load(io.BytesIO(data))
    except Exception as error:  # unpickling raises whatever it likes
        raise ModelError(f"{path} does not unpickle: {one_line(error)}") from error
