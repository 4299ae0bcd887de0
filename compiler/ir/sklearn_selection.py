"""scikit-learn's feature selection: some of the columns."""

from typing import Any

from sklearn import feature_selection

from compiler.errors import UnsupportedModelError
from compiler.ir.nodes import Node, Select
from compiler.ir.registry import Lowering, lower, lowers

_WRAPPERS = (feature_selection.RFE, feature_selection.RFECV)
_SELECTORS = (
    feature_selection.GenericUnivariateSelect,
    feature_selection.SelectFdr,
    feature_selection.SelectFpr,
    feature_selection.SelectFromModel,
    feature_selection.SelectFwe,
    feature_selection.SelectKBest,
    feature_selection.SelectPercentile,
    feature_selection.SequentialFeatureSelector,
    feature_selection.VarianceThreshold,
    *_WRAPPERS,
)


@lowers("transform", *_SELECTORS)
def _selected(selector: Any, source: Node) -> Node:
    columns = tuple(int(column) for column in selector.get_support(indices=True))
    if not columns:
        raise UnsupportedModelError(f"step {type(selector).__name__} selects no feature")
    return Select(source, columns)


def _scored_on_selected(method: str) -> Lowering:
    def lowering(selector: Any, source: Node) -> Node:
        return lower(selector.estimator_, method, _selected(selector, source))

    return lowering


for _method in ("predict", "predict_proba", "decision_function"):
    lowers(_method, *_WRAPPERS)(_scored_on_selected(_method))
