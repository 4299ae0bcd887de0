"""The ai.onnx.ml operators: what comes before a learner, linear models and trees."""

from collections.abc import Sequence

import numpy as np

from compiler.ir.networks import Choose
from compiler.ir.nodes import BinarySigmoid, Concatenate, Constant, Floats, Linear, MapConstant, Node, Softmax
from compiler.ir.onnx_elementwise import paired, whole, with_number
from compiler.ir.onnx_registry import Lowered, Operator, operator
from compiler.ir.onnx_tensors import Tensor, computed, taken
from compiler.ir.onnx_trees import classifier_trees, regressor_trees
from device_contract.plan.format import Function


def _rows(node: Node) -> Tensor:
    return computed(node, (1, node.width))


@operator("TreeEnsembleRegressor")
def _regressor_trees(given: Operator) -> Tensor:
    return _rows(regressor_trees(given.attributes, given.input().as_scaled))


@operator("TreeEnsembleClassifier")
def _classifier_trees(given: Operator) -> Sequence[Lowered]:
    return [None, _rows(classifier_trees(given.attributes, given.input().as_scaled))]


@operator("Scaler")
def _scaler(given: Operator) -> Tensor:
    tensor = given.input()
    centred = _by_constants(given, Function.SUBTRACT, tensor, given.attributes["offset"])
    return _by_constants(given, Function.MULTIPLY, centred, given.attributes["scale"])


def _by_constants(given: Operator, function: Function, tensor: Tensor, values: Sequence[float]) -> Tensor:
    constants = np.asarray(values, np.float32)
    given.require(len(constants) in {1, tensor.size}, "with other than one number a feature")
    given.require(bool(np.isfinite(constants).all()), "with other than finite numbers")
    second = Tensor((len(constants),), constants.dtype, constant=constants)
    return paired(function, tensor, second, rounds=given.rounds)


@operator("LinearRegressor")
def _linear_regressor(given: Operator) -> Tensor:
    _require_no_transform(given)
    return _rows(_linear(given, given.attribute("targets", 1)))


@operator("LinearClassifier")
def _linear_classifier(given: Operator) -> Sequence[Lowered]:
    labels = given.attributes.get("classlabels_ints") or given.attributes.get("classlabels_strings") or ()
    linear = _linear(given, len(labels))
    transform = given.attribute("post_transform", "NONE")
    if transform == "SOFTMAX":
        return [None, _rows(Softmax(linear))]
    is_mirrored = len(labels) == 2 and bool((linear.weights[0] == -linear.weights[1]).all())  # noqa: PLR2004  (binary)
    if transform == "LOGISTIC" and is_mirrored and linear.base[0] == -linear.base[1]:
        margin = Linear(linear.source, linear.weights[1:], linear.center, linear.base[1:])
        return [None, _rows(BinarySigmoid(margin))]
    _require_no_transform(given)
    return [None, _rows(linear)]


def _linear(given: Operator, n_scores: int) -> Linear:
    source = given.input().as_scaled
    weights: Floats = np.asarray(given.attributes["coefficients"], np.float64)
    base: Floats = np.asarray(given.attributes.get("intercepts") or [0.0] * n_scores, np.float64)
    given.require(
        weights.size == n_scores * source.width and base.size == n_scores,
        f"with {weights.size} coefficients for {n_scores} scores",
    )
    return Linear(source, weights.reshape(n_scores, source.width), np.zeros(source.width), base)


def _require_no_transform(given: Operator) -> None:
    transform = given.attribute("post_transform", "NONE")
    given.require(transform == "NONE", f"with the post-transform {transform} here")


@operator("Imputer")
def _imputer(given: Operator) -> Tensor:
    tensor = given.input()
    values = given.attributes.get("imputed_value_floats") or given.attributes.get("imputed_value_int64s") or ()
    given.require(len(values) in {1, tensor.size}, "with other than one number a feature")
    imputed: Floats = np.broadcast_to(np.asarray(values, np.float64), (tensor.size,))
    replaced = given.attribute("replaced_value_float", given.attribute("replaced_value_int64", 0))
    if np.isnan(replaced):
        return computed(MapConstant(Function.REPLACE_MISSING, tensor.node, imputed), tensor.shape, tensor.dtype)
    is_replaced = with_number(Function.EQUAL, tensor.node, float(replaced))
    chosen = Choose(Concatenate((is_replaced, Constant(imputed), tensor.node)))
    return computed(chosen, tensor.shape, tensor.dtype)


@operator("Binarizer")
def _binarizer(given: Operator) -> Tensor:
    tensor = given.input()
    above = with_number(Function.GREATER, tensor.node, given.attribute("threshold", 0.0))
    return computed(above, tensor.shape, tensor.dtype)


@operator("OneHotEncoder")
def _one_hot_encoder(given: Operator) -> Tensor:
    tensor = given.input()
    categories = given.attributes.get("cats_int64s")
    given.require(categories is not None and given.attribute("zeros", 1) == 1, "without numeric categories")
    numbers = np.asarray(categories, np.float64)
    if tensor.dtype.kind == "f":
        tensor = whole(tensor)
    wide = np.repeat(np.arange(tensor.size), len(numbers))
    spread = taken(tensor, wide.reshape(*tensor.shape, len(numbers)))
    return computed(MapConstant(Function.EQUAL, spread.node, np.tile(numbers, tensor.size)), spread.shape)
