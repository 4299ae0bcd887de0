"""scikit-learn's estimators that hand their input on to others."""

from collections.abc import Iterable, Mapping
from typing import Any

from sklearn import compose, frozen, model_selection, semi_supervised
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  (makes the halving searches importable)
from sklearn.pipeline import FeatureUnion, Pipeline

from compiler.errors import UnsupportedModelError
from compiler.ir.arithmetic import joined, with_constant
from compiler.ir.nodes import Node, Select
from compiler.ir.registry import Lowering, lower, lowers
from device_contract.plan.format import Function

_METHODS = ("transform", "inverse_transform", "predict", "predict_proba", "decision_function", "score_samples")
_WRAPPERS: Mapping[str, tuple[type, ...]] = {
    "best_estimator_": (
        model_selection.GridSearchCV,
        model_selection.HalvingGridSearchCV,
        model_selection.HalvingRandomSearchCV,
        model_selection.RandomizedSearchCV,
    ),
    "estimator": (frozen.FrozenEstimator,),
    "estimator_": (semi_supervised.SelfTrainingClassifier,),
}
"""Estimators that are another one, by the attribute that holds it."""


def _pipeline(method: str) -> Lowering:
    def lowering(pipeline: Any, source: Node) -> Node:
        steps = [step for _, step in pipeline.steps if not _is_passthrough(step)]
        if not pipeline.steps:
            raise UnsupportedModelError("the pipeline has no steps")
        if method == "inverse_transform":
            for step in reversed(steps):
                source = lower(step, method, source)
            return source
        for step in steps[:-1]:
            source = lower(step, "transform", source)
        return lower(steps[-1], method, source) if steps else source

    return lowering


def _wrapped(attribute: str, method: str) -> Lowering:
    return lambda wrapper, source: lower(getattr(wrapper, attribute), method, source)


for _method in _METHODS:
    lowers(_method, Pipeline, composes=True)(_pipeline(_method))
    for _attribute, _types in _WRAPPERS.items():
        lowers(_method, *_types, composes=True)(_wrapped(_attribute, _method))


@lowers("transform", FeatureUnion, composes=True)
def _union(union: Any, source: Node) -> Node:
    named = [(name, step) for name, step in union.transformer_list if step != "drop"]
    return _side_by_side([(name, step, source) for name, step in named], union.transformer_weights)


@lowers("transform", compose.ColumnTransformer, composes=True)
def _columns(transformer: Any, source: Node) -> Node:
    chosen = transformer._transformer_to_input_indices  # noqa: SLF001  (names, slices and masks resolved by the fit)
    parts = [
        (name, step, _selected(source, tuple(int(column) for column in chosen[name])))
        for name, step, _ in transformer.transformers_
        if not (isinstance(step, str) and step == "drop") and len(chosen[name])
    ]
    return _side_by_side(parts, transformer.transformer_weights)


def _selected(source: Node, columns: tuple[int, ...]) -> Node:
    return source if columns == tuple(range(source.width)) else Select(source, columns)


def _side_by_side(parts: Iterable[tuple[str, Any, Node]], weights: Mapping[str, float] | None) -> Node:
    nodes = []
    for name, step, source in parts:
        node = source if _is_passthrough(step) else lower(step, "transform", source)
        weight = (weights or {}).get(name)
        nodes.append(node if weight is None else with_constant(Function.MULTIPLY, node, weight))
    if not nodes:
        raise UnsupportedModelError("all columns of a step are dropped")
    return joined(nodes)


def _is_passthrough(step: Any) -> bool:
    return step is None or (isinstance(step, str) and step == "passthrough")


@lowers("predict", compose.TransformedTargetRegressor, composes=True)
def _transformed_target(model: Any, source: Node) -> Node:
    return lower(model.transformer_, "inverse_transform", lower(model.regressor_, "predict", source))
