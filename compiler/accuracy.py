"""How good a model is: its scores against labels, what the rows of the sample turned out to be."""

import numpy as np
from numpy.typing import NDArray

from compiler.columns import Column
from compiler.errors import SampleError
from compiler.frontends.source import Signature
from compiler.score_reference import are_probabilities

_SHOWN_LABELS = 5


def take_labels(
    columns: tuple[Column, ...], name: str, signature: Signature
) -> tuple[NDArray[np.float64], tuple[Column, ...]]:
    """Take the column of labels out of a sample.

    Returns:
        For a classifier the position of each row's class among the model's labels, else the
        numbers, float64 (n_rows,), NaN where missing; and the other columns.

    Raises:
        SampleError: There is no such column, or it holds what the model does not know.
    """
    column = next((column for column in columns if column.name and column.name == name), None)
    if column is None:
        raise SampleError(f"the sample has no column {name!r} to take labels from")
    others = tuple(other for other in columns if other is not column)
    if signature.task == "classification":
        return _classes(column, signature), others
    if column.text or column.categories or column.kind != "numbers":
        raise SampleError(f"column {name!r} holds no numbers, which the labels of a regression are")
    return column.values, others


def _classes(column: Column, signature: Signature) -> NDArray[np.float64]:
    texts = _texts(column)
    positions = {str(label): float(position) for position, label in enumerate(signature.labels)}
    strange = sorted({text for text in texts if text is not None and text not in positions})
    if strange:
        shown = ", ".join(map(repr, strange[:_SHOWN_LABELS]))
        raise SampleError(f"column {column.name!r} holds labels that the model does not know: {shown}")
    return np.array([np.nan if text is None else positions[text] for text in texts])


def _texts(column: Column) -> list[str | None]:
    """Return each cell as the text of a label: whole numbers without a point."""
    if column.text:
        return list(column.text)
    names = column.categories
    return [None if np.isnan(value) else names[int(value)] if names else f"{value:.17g}" for value in column.values]


def measure_accuracy(
    signature: Signature, labels: NDArray[np.float64], scores: NDArray[np.float64]
) -> dict[str, float]:
    """Measure a model.

    Args:
        signature: What the model gives.
        labels: As ``take_labels`` gives them, (n_rows,), none missing.
        scores: The model's scores, (n_rows, n_outputs), all finite.

    Returns:
        For a classifier its ``accuracy``, and ``log_loss`` if it gives probabilities; else ``rmse``, ``mae``, ``r2``.

    Raises:
        SampleError: The model gives several numbers, and is no classifier.
    """
    if signature.task == "classification":
        return _of_classes(labels.astype(np.intp), scores)
    if scores.shape[1] != 1:
        raise SampleError(f"one column of labels cannot tell how good {scores.shape[1]} outputs are")
    error = scores[:, 0] - labels
    spread = float(np.square(labels - labels.mean()).mean())
    square = float(np.square(error).mean())
    r2 = 1.0 - square / spread if spread else 0.0
    return {"rmse": float(np.sqrt(square)), "mae": float(np.abs(error).mean()), "r2": r2}


def _of_classes(labels: NDArray[np.intp], scores: NDArray[np.float64]) -> dict[str, float]:
    figures = {"accuracy": float((scores.argmax(axis=1) == labels).mean())}
    if are_probabilities(scores):
        likely = np.maximum(scores[np.arange(len(labels)), labels], np.finfo(np.float64).tiny)
        figures["log_loss"] = float(-np.log(likely).mean())
    return figures


def accuracy_loss(before: dict[str, float], after: dict[str, float]) -> float:
    """Return how much worse a model has become: in accuracy, or in RMSE relative to what it was."""
    if "accuracy" in before:
        return before["accuracy"] - after["accuracy"]
    return after["rmse"] / before["rmse"] - 1.0 if before["rmse"] else float(after["rmse"] > 0)
