"""scikit-learn models from skops files, which run no code of their own."""

from pathlib import Path
from typing import Any

import skops.io

from compiler.archives import refuse_bombs
from compiler.errors import ModelError, one_line
from compiler.frontends.library_version import tell_of_other_versions
from compiler.frontends.sklearn_tables import check_tables

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
"""scikit-learn's own parts of an estimator, plain holders of numbers, which skops leaves to the caller; and our own."""


def load_skops(data: bytes, path: Path) -> Any:
    """Load a skops file, which runs no code of its own.

    Raises:
        ModelError: The file is not sound, or holds types that are not scikit-learn's.
    """
    try:
        refuse_bombs(data)
        untrusted = sorted(set(skops.io.get_untrusted_types(data=data)) - set(TRUSTED_TYPES))
        with tell_of_other_versions():
            estimator = None if untrusted else skops.io.loads(data, trusted=list(TRUSTED_TYPES))
    except Exception as error:  # whatever skops meets in a broken file
        raise ModelError(f"{path} is not a sound skops file: {one_line(error)}") from error
    if untrusted:
        raise ModelError(f"{path} holds types that are not trusted: {', '.join(untrusted)}")
    check_tables(estimator)
    return estimator
