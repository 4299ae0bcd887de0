"""The sums over a window's labels: made from them, packed, merged and turned into figures.

A window's sums are always made anew from its stored labels. So a label counts once however
often it comes, a correction leaves nothing of what it corrects, and the order in which labels
arrive does not matter; none of which sums that are added to and taken from would promise.
"""

from collections.abc import Iterable

import numpy as np

from fleet_server.feedback import classification, regression
from fleet_server.feedback.classification import Layout
from fleet_server.feedback.intervals import Estimate, Floats
from fleet_server.feedback.labels import Truth
from fleet_server.feedback.target import Target

_PLACE = np.dtype("<u4")
_VALUE = np.dtype("<f8")


def size(target: Target) -> int:
    """Return how many sums a target has."""
    return Layout(len(target.classes)).size if target.is_classification else regression.SIZE


def sum_labels(target: Target, truths: Iterable[Truth]) -> Floats:
    """Sum labels whose predictions are known.

    Returns:
        (``size(target)``,), which merges by addition.
    """
    known = [truth for truth in truths if truth.prediction is not None]
    labels = np.array([truth.label for truth in known], np.float64)
    predictions = np.array([truth.prediction for truth in known], np.float64)
    weights = np.array([truth.weight for truth in known], np.float64)
    if not target.is_classification:
        return regression.sum_rows(labels, predictions, weights, target.pivot)
    probabilities = np.full((len(known), target.n_outputs), np.nan)
    for place, truth in enumerate(known):
        if truth.outputs:
            probabilities[place] = np.frombuffer(truth.outputs, _VALUE)
    places = labels.astype(np.intp), predictions.astype(np.intp)
    return classification.sum_rows(Layout(target.n_outputs), *places, np.clip(probabilities, 0.0, 1.0), weights)


def estimates(target: Target, units: Floats) -> dict[str, Estimate]:
    """Find every figure that the sums of units, (n_units, ``size(target)``), define."""
    if target.is_classification:
        return classification.estimates(Layout(target.n_outputs), units)
    return regression.estimates(units)


def pack(sums: Floats) -> bytes:
    """Pack sums, most of which are 0: places (uint32), then values (float64), little-endian."""
    places = np.flatnonzero(sums)
    return places.astype(_PLACE).tobytes() + sums[places].astype(_VALUE).tobytes()


def add_packed(sums: Floats, packed: bytes) -> None:
    """Add packed sums to sums, in place."""
    n_places = len(packed) // (_PLACE.itemsize + _VALUE.itemsize)
    places = np.frombuffer(packed, _PLACE, n_places)
    sums[places] += np.frombuffer(packed, _VALUE, n_places, n_places * _PLACE.itemsize)
