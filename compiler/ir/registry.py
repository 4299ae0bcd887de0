"""Which function lowers which method of which estimator.

A lowering takes a fitted estimator and the node of its input, and returns the node of what
the method gives: one number for a regressor's ``predict``, one a class for
``predict_proba`` and ``decision_function`` of several classes, one for that of two.
A classifier's ``predict`` gives the position of its label in ``classes_``.
"""

import importlib
from collections.abc import Callable
from typing import Any, Final

from compiler.errors import UnsupportedModelError
from compiler.ir.arithmetic import one_hot
from compiler.ir.nodes import Concatenate, Map, Node, Reduce, RefuseMissing
from compiler.ir.sklearn_method import output_method
from device_contract.plan.format import Function, Reduction

Lowering = Callable[[Any, Node], Node]

_LOWERINGS: Final[dict[tuple[type, str], Lowering]] = {}
_COMPOSITIONS: Final[set[type]] = set()
_LATE: Final = {"lightgbm": "compiler.ir.lightgbm_lowering", "xgboost": "compiler.ir.xgboost_lowering"}
"""Lowerings of libraries that need not be installed: imported when one of their models comes."""


def lowers(method: str, *types: type, composes: bool = False) -> Callable[[Lowering], Lowering]:
    """Register a function as what lowers a method of these estimators.

    Args:
        method: The method's name.
        types: The estimators' exact types.
        composes: They only hand their input on, so that what they are made of refuses missing values.
    """
    if composes:
        _COMPOSITIONS.update(types)

    def register(lowering: Lowering) -> Lowering:
        for kind in types:
            _LOWERINGS[kind, method] = lowering
        return lowering

    return register


def lower(estimator: Any, method: str, source: Node) -> Node:
    """Lower a method of a fitted estimator; NaN, where it takes none, makes every output NaN.

    Raises:
        UnsupportedModelError: It cannot be expressed; the message names it.
    """
    late = _LATE.get(type(estimator).__module__.partition(".")[0])
    if late is not None:
        importlib.import_module(late)
    # The exact type: a subclass may predict in another way.
    lowering = _LOWERINGS.get((type(estimator), method))
    if lowering is not None:
        return lowering(estimator, source if _takes_missing(estimator) else RefuseMissing(source))
    if method == "predict" and hasattr(estimator, "classes_") and output_method(estimator) != "predict":
        return Reduce(Reduction.POSITION_OF_GREATEST, _deciding_scores(estimator, source))
    what = "step" if method == "transform" else "model"
    raise UnsupportedModelError(f"{what} {type(estimator).__name__} is not one that a plan can express")


def _takes_missing(estimator: Any) -> bool:
    return type(estimator) in _COMPOSITIONS or bool(estimator.__sklearn_tags__().input_tags.allow_nan)


def class_scores(classifier: Any, source: Node) -> Node:
    """Lower a classifier to one number a class: probabilities, else decision scores, else 1 for its label.

    Raises:
        UnsupportedModelError: It cannot be expressed.
    """
    method = output_method(classifier)
    if method == "predict":
        return one_hot(lower(classifier, "predict", source), len(classifier.classes_))
    return _of_each_class(lower(classifier, method, source))


def _deciding_scores(classifier: Any, source: Node) -> Node:
    """Lower what a classifier finds its label by: its decisions, where it has any."""
    if hasattr(classifier, "decision_function") and (type(classifier), "decision_function") in _LOWERINGS:
        return _of_each_class(lower(classifier, "decision_function", source))
    return class_scores(classifier, source)


def _of_each_class(scores: Node) -> Node:
    return Concatenate((Map(Function.NEGATIVE, scores), scores)) if scores.width == 1 else scores
