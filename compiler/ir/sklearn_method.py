"""Which method of an estimator gives the model's numbers: those of its artifacts, and of the truth."""

from typing import Any, Final

from sklearn.base import is_classifier
from sklearn.utils import get_tags

from compiler.errors import UnsupportedModelError

_PREFERRED: Final = {"regressor": "predict", "clusterer": "predict", "density_estimator": "score_samples"}
"""A clusterer's label rather than its distances; how likely a row is rather than which component it came from."""
_OTHERS: Final = ("decision_function", "transform", "predict", "score_samples")


def output_method(estimator: Any) -> str:
    """Return a method's name: probabilities of a classifier that has them, else its decision scores.

    Of anything else what is preferred for its kind, or the first of ``decision_function``,
    ``transform``, ``predict`` and ``score_samples`` that it has.

    Raises:
        UnsupportedModelError: It has none.
    """
    if is_classifier(estimator):
        return "predict_proba" if hasattr(estimator, "predict_proba") else "decision_function"
    kind = get_tags(estimator).estimator_type
    for method in (_PREFERRED.get(kind, _OTHERS[0]), *_OTHERS):
        if hasattr(estimator, method):
            return method
    raise UnsupportedModelError(f"{type(estimator).__name__} neither predicts nor transforms")
