"""Mends for skl2onnx 1.20, put in place of its tree converters.

Three faults, each with a test in ``tests/compiler/test_skl2onnx_mend.py`` that notices when the
library mends it by itself:

- Histogram gradient boosting fails with onnx 1.23: the converter hands NumPy scalars and
  booleans to ``onnx.helper.make_node`` (``base_values``, ``nodes_missing_value_tracks_true``).
- The double thresholds of histogram gradient boosting are rounded to the nearest float32. For a
  float32 ``x``, ``x <= t`` is exactly ``x <= t rounded down``: with anything else rows on the
  threshold take the wrong branch.
- Trees and forests lose the direction that scikit-learn sends missing values in.
"""

from typing import Any

import numpy as np
import skl2onnx  # noqa: F401  (registers the library's own converters, which are mended here)
from numpy.typing import NDArray
from skl2onnx.common._registration import get_converter, register_converter

_ALIASES = (
    "SklearnDecisionTreeClassifier",
    "SklearnDecisionTreeRegressor",
    "SklearnExtraTreeClassifier",
    "SklearnExtraTreeRegressor",
    "SklearnExtraTreesClassifier",
    "SklearnExtraTreesRegressor",
    "SklearnHistGradientBoostingClassifier",
    "SklearnHistGradientBoostingRegressor",
    "SklearnRandomForestClassifier",
    "SklearnRandomForestRegressor",
)


def mend() -> None:
    """Register the mended converters in place of the library's; a second call does nothing."""
    for alias in _ALIASES:
        original = get_converter(alias)
        if not isinstance(original._fct, _MendedConverter):  # noqa: SLF001  (the library has no public reader)
            options = original.get_allowed_options()
            register_converter(alias, _MendedConverter(original), overwrite=True, options=options)


class _MendedConverter:
    """The library's converter, writing into a container that corrects its nodes."""

    def __init__(self, original: Any) -> None:
        self._original = original

    def __call__(self, scope: Any, operator: Any, container: Any) -> None:
        self._original(scope, operator, _CorrectingContainer(container, operator.raw_operator))


class _CorrectingContainer:
    """A conversion container that corrects tree nodes, and gives plain Python numbers."""

    def __init__(self, container: Any, estimator: Any) -> None:
        self._container = container
        self._estimator = estimator

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def add_node(self, op_type: str, *args: Any, **attributes: Any) -> None:
        if op_type.startswith("TreeEnsemble"):
            attributes |= _corrected(self._estimator, attributes)
        self._container.add_node(op_type, *args, **{name: _plain(value) for name, value in attributes.items()})


def round_down_to_float32(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the largest float32 values that are not above the given ones."""
    nearest = thresholds.astype(np.float32)
    return np.where(nearest > thresholds, np.nextafter(nearest, np.float32(-np.inf)), nearest)


def _corrected(estimator: Any, attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the nodes' thresholds and missing directions, from the estimator's own tables."""
    trees = _trees(estimator)
    starts = np.cumsum([0, *(len(thresholds) for thresholds, _ in trees)])
    place = starts[np.asarray(attributes["nodes_treeids"])] + np.asarray(attributes["nodes_nodeids"])
    branch = np.asarray(attributes["nodes_modes"]) != "LEAF"
    thresholds = round_down_to_float32(np.concatenate([each for each, _ in trees]))[place]
    missing_left = np.concatenate([each for _, each in trees])[place]
    return {
        "nodes_values": np.where(branch, thresholds, np.float32(0)),
        "nodes_missing_value_tracks_true": np.where(branch, missing_left, 0).astype(np.int64),
    }


def _trees(estimator: Any) -> list[tuple[NDArray[np.float64], NDArray[np.uint8]]]:
    """Return each tree's thresholds and whether missing values go left, by node."""
    if hasattr(estimator, "_predictors"):
        tables = [predictor.nodes for iteration in estimator._predictors for predictor in iteration]  # noqa: SLF001  (no public way)
        return [(table["num_threshold"], table["missing_go_to_left"]) for table in tables]
    members = [member.tree_ for member in getattr(estimator, "estimators_", [estimator])]
    return [(tree.threshold, tree.missing_go_to_left) for tree in members]


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, bool) else value
