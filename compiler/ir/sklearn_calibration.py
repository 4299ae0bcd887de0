"""scikit-learn's calibrated and thresholded classifiers, and isotonic regression."""

from typing import Any

import numpy as np
from sklearn import calibration, model_selection
from sklearn.calibration import _SigmoidCalibration, _TemperatureScaling
from sklearn.isotonic import IsotonicRegression

from compiler.ir.arithmetic import joined, mean, missing_unless, normalized, with_constant
from compiler.ir.nodes import Constant, Map, MapPair, Node, RefuseMissing, Select, Softmax
from compiler.ir.piecewise import broken_lines
from compiler.ir.registry import lower, lowers
from device_contract.plan.format import Function

_BINARY = 2
_LEAST_PROBABILITY = 1e-12
"""scikit-learn adds it to probabilities before it takes their logarithms."""


@lowers("predict", IsotonicRegression)
def _isotonic(model: Any, source: Node) -> Node:
    knots = np.asarray(model.X_thresholds_, np.float64)
    levels = np.asarray(model.y_thresholds_, np.float64)
    line = broken_lines(source, [knots], [levels])
    if model.out_of_bounds == "clip":
        return line
    above = with_constant(Function.GREATER_EQUAL, source, model.X_min_)
    inside = MapPair(Function.MULTIPLY, above, with_constant(Function.LESS_EQUAL, source, model.X_max_))
    known = missing_unless(inside, line)
    return RefuseMissing(known) if model.out_of_bounds == "raise" else known


@lowers("predict", _SigmoidCalibration, composes=True)
def _platt(calibrator: Any, source: Node) -> Node:
    scaled = with_constant(Function.MULTIPLY, source, -calibrator.a_)
    return Map(Function.SIGMOID, with_constant(Function.SUBTRACT, scaled, calibrator.b_))


@lowers("predict", _TemperatureScaling, composes=True)
def _temperature(calibrator: Any, source: Node) -> Node:
    return Softmax(with_constant(Function.MULTIPLY, source, calibrator.beta_))


@lowers("predict_proba", calibration.CalibratedClassifierCV, composes=True)
def _calibrated(model: Any, source: Node) -> Node:
    return mean([_calibrated_by_one(each, source) for each in model.calibrated_classifiers_])


def _calibrated_by_one(model: Any, source: Node) -> Node:
    n_classes = len(model.classes)
    scores = _response(model.estimator, source)
    if model.method == "temperature":
        return lower(model.calibrators[0], "predict", _logits(model.estimator, scores))
    places = np.searchsorted(model.classes, model.estimator.classes_).tolist()
    each = [
        lower(calibrator, "predict", Select(scores, (column,))) for column, calibrator in enumerate(model.calibrators)
    ]
    if n_classes == _BINARY:
        return joined([with_constant(Function.REVERSE_SUBTRACT, each[0], 1.0), each[0]])
    by_class = dict(zip(places, each, strict=False))
    nothing = Constant(np.zeros(1))
    return normalized(joined([by_class.get(place, nothing) for place in range(n_classes)]))


def _response(estimator: Any, source: Node) -> Node:
    """Return decisions, else probabilities; of two classes that of the second only."""
    if hasattr(estimator, "decision_function"):
        return lower(estimator, "decision_function", source)
    scores = lower(estimator, "predict_proba", source)
    return Select(scores, (1,)) if scores.width == _BINARY else scores


def _logits(estimator: Any, scores: Node) -> Node:
    """Return what a temperature scales: decisions as they are, probabilities as their logarithms."""
    if hasattr(estimator, "decision_function"):
        return scores if scores.width > 1 else joined([Map(Function.NEGATIVE, scores), scores])
    both = joined([with_constant(Function.REVERSE_SUBTRACT, scores, 1.0), scores]) if scores.width == 1 else scores
    return Map(Function.LOGARITHM, with_constant(Function.ADD, both, _LEAST_PROBABILITY))


@lowers("predict", model_selection.FixedThresholdClassifier, composes=True)
def _fixed_threshold(model: Any, source: Node) -> Node:
    return _thresholded(model, getattr(model, "estimator_", model.estimator), model.threshold, model.pos_label, source)


@lowers("predict", model_selection.TunedThresholdClassifierCV, composes=True)
def _tuned_threshold(model: Any, source: Node) -> Node:
    positive = model._curve_scorer._get_pos_label()  # noqa: SLF001  (as the classifier's own predict)
    return _thresholded(model, model.estimator_, model.best_threshold_, positive, source)


def _thresholded(model: Any, estimator: Any, threshold: Any, positive: Any, source: Node) -> Node:
    """Return 1 where the score of the positive class reaches a threshold: the label's position if it is the second."""
    asked = model.response_method
    by_probability = hasattr(estimator, "predict_proba") if asked == "auto" else asked == "predict_proba"
    score = lower(estimator, "predict_proba" if by_probability else "decision_function", source)
    is_second = positive is None or positive == model.classes_[1]
    if by_probability:
        score = Select(score, (1 if is_second else 0,))
    elif not is_second:
        score = Map(Function.NEGATIVE, score)
    if threshold == "auto":
        threshold = 0.5 if by_probability else 0.0
    reached = with_constant(Function.GREATER_EQUAL, score, threshold)
    return reached if is_second else with_constant(Function.REVERSE_SUBTRACT, reached, 1.0)
