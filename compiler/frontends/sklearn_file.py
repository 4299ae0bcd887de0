"""scikit-learn models from files: skops safely, pickles only when the caller trusts them."""

import io
import logging
import warnings
from pathlib import Path
from typing import Any

import joblib
import skops.io
from sklearn.exceptions import InconsistentVersionWarning

from compiler.archives import refuse_bombs
from compiler.errors import ModelError, one_line
from compiler.frontends.sklearn_tables import check_tables

logger = logging.getLogger(__name__)

TRUSTED_TYPES = (
    "compiler.frames.FrameFeatures",
    "sklearn._loss.link.IdentityLink",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.link.LogLink",
    "sklearn._loss.link.MultinomialLogit",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
)
"""scikit-learn's own parts of an estimator, plain holders of numbers, which skops leaves to the caller; and ours."""


def load_skops(data: bytes, path: Path) -> Any:
    """Load a skops file, which runs no code of its own.

    Raises:
        ModelError: The file is not sound, or holds types that are not scikit-learn's.
    """
    try:
        refuse_bombs(data)
        untrusted = sorted(set(skops.io.get_untrusted_types(data=data)) - set(TRUSTED_TYPES))
        estimator = None if untrusted else _load(lambda: skops.io.loads(data, trusted=list(TRUSTED_TYPES)))
    except Exception as error:  # whatever skops meets in a broken file
        raise ModelError(f"{path} is not a sound skops file: {one_line(error)}") from error
    if untrusted:
        raise ModelError(f"{path} holds types that are not trusted: {', '.join(untrusted)}")
    check_tables(estimator)
    return estimator


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
        return _load(lambda: joblib.load(io.BytesIO(data)))
    except Exception as error:  # unpickling raises whatever it likes
        raise ModelError(f"{path} does not unpickle: {one_line(error)}") from error


def _load(load: Any) -> Any:
    """Load, and tell once when another version of scikit-learn wrote the model."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator = load()
    for warning in caught:
        if isinstance(warning.message, InconsistentVersionWarning):
            logger.warning("%s", one_line(warning.message))
            break
    return estimator
