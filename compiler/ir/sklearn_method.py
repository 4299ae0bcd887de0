"""What an estimator takes, and which of its methods gives the model's numbers: of its artifacts, and of the truth."""

from typing import Any, Final

from sklearn.base import is_classifier
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.utils import get_tags

from compiler.errors import UnsupportedModelError

_PREFERRED: Final = {"regressor": "predict", "clusterer": "predict", "density_estimator": "score_samples"}
"""A clusterer's label rather than its distances; how likely a row is rather than which component it came from."""
_THRESHOLDED: Final = (FixedThresholdClassifier, TunedThresholdClassifierCV)
"""Classifiers whose label is not the one of the highest score: they give 1 for it, and 0 for the others."""
_OTHERS: Final = ("decision_function", "transform", "predict", "score_samples")


def output_method(estimator: Any) -> str:
    """Return a method's name: probabilities of a classifier that has them, else its decision scores, else its label.

    Of anything else what is preferred for its kind, or the first of ``decision_function``,
    ``transform``, ``predict`` and ``score_samples`` that it has.

    Raises:
        UnsupportedModelError: It has none.
    """
    if is_classifier(estimator):
        if type(estimator) in _THRESHOLDED:
            return "predict"
        methods = ("predict_proba", "decision_function")
        return next((method for method in methods if hasattr(estimator, method)), "predict")
    kind = get_tags(estimator).estimator_type
    for method in (_PREFERRED.get(kind, _OTHERS[0]), *_OTHERS):
        if hasattr(estimator, method):
            return method
    raise UnsupportedModelError(f"{type(estimator).__name__} neither predicts nor transforms")


def width_of(estimator: Any) -> int:
    """Return how many features an estimator takes; an isotonic regression does not tell, and takes one."""
    return int(getattr(estimator, "n_features_in_", 1))
