"""Fitted scikit-learn estimators and pipelines."""

import warnings
from collections.abc import Callable, Mapping
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.isotonic import IsotonicRegression
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from compiler.errors import ModelError, UnsupportedModelError, one_line
from compiler.frontends.column_positions import by_position
from compiler.frontends.final_step import made_to_score, without_searches
from compiler.frontends.source import Family, OnnxArtifact, Signature
from compiler.frontends.text_columns import as_texts, categories_of, on_positions
from compiler.ir.sklearn_method import output_method, width_of
from device_contract.canonical import sha256_hex
from device_contract.manifest import Label

if TYPE_CHECKING:
    from compiler.ir.nodes import Graph

_FAMILIES: tuple[tuple[str, Family], ...] = (
    ("lightgbm.", "trees"),
    ("xgboost.", "trees"),
    ("sklearn.tree.", "trees"),
    ("sklearn.ensemble._forest", "trees"),
    ("sklearn.ensemble._gb", "trees"),
    ("sklearn.ensemble._hist_gradient_boosting", "trees"),
    ("sklearn.ensemble._iforest", "trees"),
    ("sklearn.ensemble._weight_boosting", "trees"),
    ("sklearn.linear_model.", "linear"),
    ("sklearn.svm._classes", "linear"),
)
_MAX_PARAMETER_CHARACTERS = 200


class SklearnModel:
    """A fitted estimator as a ``SourceModel``; its own scores are the truth."""

    packages = ("numpy", "onnx", "scikit-learn", "scipy", "skl2onnx")

    def __init__(self, estimator: Any, sha256: str | None = None) -> None:
        """Take a fitted estimator.

        Args:
            estimator: Classifier, regressor, outlier detector or transformer, or a pipeline that ends in one.
            sha256: Digest of the file that it came from; of its state when left out.

        Raises:
            ModelError: It is no estimator, is not fitted, or gives nothing that the compiler knows.
        """
        _check(estimator)
        estimator = without_searches(estimator)
        self._estimator = made_to_score(by_position(estimator))
        self._method, labels = _scoring(self._estimator)
        self.sha256 = sha256 or sha256_of_state(estimator)
        n_features = width_of(estimator)
        categories = categories_of(self._estimator, n_features)
        self._on_positions = on_positions(self._estimator, categories)
        names = tuple(str(name) for name in getattr(estimator, "feature_names_in_", ()))
        self.signature = Signature(
            task="classification" if labels else "regression",
            family=_family(estimator),
            n_features=n_features,
            feature_names=names,
            labels=labels,
            categories=categories,
        )
        self._gives_one_label = not labels  # of a classifier, the first rows that it scores tell

    @property
    def parameters(self) -> Mapping[str, str]:
        """The estimator's type and its hyper-parameters."""
        given = self._estimator.get_params(deep=True)
        plain = {name: repr(value) for name, value in sorted(given.items()) if _is_plain(value)}
        plain = {name: text for name, text in plain.items() if len(text) <= _MAX_PARAMETER_CHARACTERS}
        return {"model_type": _chain(self._estimator), **plain}

    def score(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score rows of shape (n_rows, n_features); returns (n_rows, n_outputs)."""
        # One thread: forests add their trees up, and BLAS its products, in an order that depends on threads.
        with warnings.catch_warnings(), joblib.parallel_config(backend="sequential"), threadpool_limits(1):
            warnings.simplefilter("ignore")
            try:
                texts = as_texts(rows, self.signature.categories)
                given = self._method(texts)
                scores = np.asarray(given.toarray() if issparse(given) else given, dtype=np.float64)
                if not self._gives_one_label:
                    self._gives_one_label = prod(np.shape(self._estimator.predict(texts[:1]))) == 1
            except (ValueError, TypeError) as error:
                raise ModelError(f"the model does not take these rows: {one_line(error)}") from error
            except Exception as error:  # an estimator may raise anything, such as one of another version
                kind = type(self._estimator).__name__
                raise ModelError(
                    f"the {kind} fails when it scores ({type(error).__name__}): {one_line(error)}"
                ) from error
        if not self._gives_one_label:
            raise ModelError("the classifier gives several labels at once; train and compile one for each")
        return scores.reshape(len(rows), scores.size // len(rows))  # SparsePCA gives one row without its axis

    def to_onnx(self) -> OnnxArtifact:
        """Convert trees over the row from their graph, with its exact thresholds; anything else by skl2onnx."""
        from compiler.backends.tree_onnx import convert_trees  # noqa: PLC0415  (only when ONNX is wanted)

        n_classes = len(self.signature.labels)
        if self.signature.family == "trees":
            try:
                return convert_trees(self.to_graph(), n_classes)
            except UnsupportedModelError:
                if not type(_final(self._estimator)).__module__.startswith("sklearn."):
                    raise  # skl2onnx knows scikit-learn's only
        from compiler.backends.onnx import convert_estimator  # noqa: PLC0415  (skl2onnx is slow to import)

        return convert_estimator(self._on_positions, self.signature.n_features, n_classes)

    def to_graph(self) -> "Graph":
        """Lower straight from the estimator, with its double thresholds."""
        return self._graph

    @cached_property
    def _graph(self) -> "Graph":
        from compiler.ir.lowering import lower_estimator  # noqa: PLC0415  (only when a plan is wanted)

        return lower_estimator(self._on_positions)


def sha256_of_state(estimator: Any) -> str:
    """Return the digest of an estimator that comes from no file.

    Raises:
        ModelError: It holds what cannot be pickled.
    """
    try:
        return sha256_hex(str(joblib.hash(estimator)).encode())
    except Exception as error:  # pickling runs the code of whatever is in it
        raise ModelError(f"the {type(estimator).__name__} cannot be pickled: {one_line(error)}") from error


def _check(estimator: Any) -> None:
    kind = type(estimator).__name__
    if not isinstance(estimator, BaseEstimator):
        raise ModelError(f"the model is a {kind}, not a scikit-learn estimator")
    try:
        check_is_fitted(estimator)
    except (NotFittedError, TypeError) as error:
        raise ModelError(f"the {kind} is not fitted: call fit before saving it") from error
    if not hasattr(estimator, "n_features_in_") and not isinstance(estimator, IsotonicRegression):
        raise ModelError(f"the {kind} does not tell how many features it was fitted with")


def _scoring(estimator: Any) -> tuple[Callable[[Any], Any], tuple[Label, ...]]:
    """Return the method that gives the model's numbers, and a classifier's labels."""
    if is_classifier(estimator):
        return _class_scores(estimator), _labels(estimator)
    return getattr(estimator, output_method(estimator)), ()


def _class_scores(classifier: Any) -> Callable[[Any], Any]:
    """Return a method that gives one number a class: probabilities, else decision scores, else 1 for the label."""
    method = output_method(classifier)
    if method == "predict_proba":
        return classifier.predict_proba  # type: ignore[no-any-return]
    if method == "predict":
        return lambda rows: np.equal.outer(classifier.predict(rows), classifier.classes_)

    def decide(rows: Any) -> Any:
        scores = classifier.decision_function(rows)
        return np.stack([-scores, scores], axis=1) if scores.ndim == 1 else scores

    return decide


def _labels(classifier: Any) -> tuple[Label, ...]:
    classes = classifier.classes_
    if isinstance(classes, list):
        raise ModelError("the classifier predicts several targets; train and compile one for each")
    if len(classes) < 2:  # noqa: PLR2004  (what tells nothing apart is a mistake of the training)
        raise ModelError(
            f"the classifier was fitted on one class, {classes.tolist()[0]!r:.80}: it has nothing to tell apart"
        )
    return tuple(_label(value) for value in classes.tolist())


def _label(value: Any) -> Label:
    """Return a class label as text or a whole number (booleans and 1.0 become 1)."""
    return int(value) if isinstance(value, int | float) and value == int(value) else str(value)


def _final(estimator: Any) -> Any:
    while isinstance(estimator, Pipeline):
        estimator = estimator[-1]
    return estimator


def _family(estimator: Any) -> Family:
    module = type(_final(estimator)).__module__ + "."
    return next((family for prefix, family in _FAMILIES if module.startswith(prefix)), "other")


def _chain(estimator: Any) -> str:
    """Name an estimator's type, and a pipeline's steps in order."""
    if isinstance(estimator, Pipeline):
        return " > ".join(_chain(step) for _, step in estimator.steps)
    return f"{type(estimator).__module__}.{type(estimator).__qualname__}" if estimator is not None else "passthrough"


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, bool | int | float | str)
