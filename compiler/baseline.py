"""The baseline of a bundle: each stream's bins and statistics, from the training sample.

The rules of the bins are told by ``device_contract.baseline.StreamBaseline``. Everything is
computed on float32 values, outputs too, because that is what the device counts: the counts
here are those that a device would make of the same rows.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from compiler.autocorrelation import lag1_correlation
from compiler.projection import project
from compiler.score_reference import refer_scores
from device_contract.baseline import DAY_MS, MAX_EDGES, Baseline, StreamBaseline
from device_contract.manifest import Feature, Output

QUANTILES = (0.005, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.995)

Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Stream:
    """What is known of a stream before its values are seen."""

    name: str
    role: Literal["feature", "output"]
    kind: Literal["number", "category"] = "number"
    categories: int = 0
    minimum: float | None = None
    maximum: float | None = None


def build_baseline(  # noqa: PLR0913  (what a sample is made of)
    features: tuple[Feature, ...],
    outputs: tuple[Output, ...],
    rows: Float32s,
    scores: Float64s,
    *,
    is_classifier: bool = False,
    labels: Float64s | None = None,
    season_ms: int = DAY_MS,
) -> Baseline:
    """Summarise the training sample.

    Args:
        features: The model's inputs.
        outputs: The model's outputs.
        rows: The sample, float32 (n_rows, n_features), in the order of time if it has one.
        scores: The model's outputs for it, float64 (n_rows, n_outputs).
        is_classifier: Each output belongs to a class.
        labels: Of a classifier the position of each row's class, (n_rows,), NaN where unknown.
        season_ms: After how long the world repeats itself, milliseconds.

    Returns:
        One stream for each feature, then one for each output; the projection and the score.

    Raises:
        ValueError: The shapes do not fit together.
    """
    if rows.shape != (len(scores), len(features)) or scores.shape != (len(rows), len(outputs)):
        raise ValueError(f"{len(features)} features, {len(outputs)} outputs, but {rows.shape} and {scores.shape}")
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, as on the device
        narrow_scores = scores.astype(np.float32)
    streams = [_summarise(_of_feature(feature), rows[:, i]) for i, feature in enumerate(features)]
    projection, correlations = project(streams, rows)
    streams += [_summarise(_Stream(output.name, "output"), narrow_scores[:, i]) for i, output in enumerate(outputs)]
    return Baseline(
        streams=tuple(streams),
        projection=projection,
        correlations=correlations,
        score=refer_scores(scores, is_classifier=is_classifier, labels=labels),
        season_ms=season_ms,
    )


def _of_feature(feature: Feature) -> _Stream:
    if feature.kind == "number":
        return _Stream(feature.name, "feature", "number", 0, feature.minimum, feature.maximum)
    # Out of range means out of category: the device then counts both alike.
    categories = max(len(feature.categories), 1)
    return _Stream(feature.name, "feature", "category", categories, 0.0, categories - 1.0)


def _summarise(stream: _Stream, values: Float32s) -> StreamBaseline:
    finite = values[np.isfinite(values)]
    edges = _number_edges(finite) if stream.kind == "number" else _category_edges(stream.categories)
    counts = np.bincount(np.searchsorted(edges, finite, side="right"), minlength=len(edges) + 1)
    wide = finite.astype(np.float64)
    return StreamBaseline(
        name=stream.name,
        role=stream.role,
        kind=stream.kind,
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
        rows=len(finite),
        missing=int(np.isnan(values).sum()),
        mean=float(wide.mean()) if len(wide) else 0.0,
        standard_deviation=float(wide.std()) if len(wide) else 0.0,
        minimum=float(wide.min()) if len(wide) else 0.0,
        maximum=float(wide.max()) if len(wide) else 0.0,
        lag1_correlation=lag1_correlation(values.astype(np.float64)),
        range_minimum=stream.minimum,
        range_maximum=stream.maximum,
    )


def _number_edges(finite: Float32s) -> Float32s:
    """Return the edges of a number: ascending, without repeats.

    Each quantile is a value of the sample (``inverted_cdf``): there is nothing to round, and
    the edges do not depend on the order of floating-point operations.
    """
    if not len(finite):
        return np.zeros(1, np.float32)
    ordered = np.sort(finite) + np.float32(0.0)  # zeros of both signs come in any order
    # What np.quantile gives, whose checks take longer than the numbers of a wide model's features.
    at = np.maximum(np.ceil(np.multiply(len(ordered), QUANTILES) - 1.0), 0.0).astype(np.intp)
    with np.errstate(over="ignore"):
        after_maximum = np.nextafter(ordered[-1], np.float32(np.inf))
    edges: Float32s = np.unique(np.concatenate((ordered[:1], ordered[at], [after_maximum])))
    return edges[np.isfinite(edges)]  # nothing finite follows the largest float32


def _category_edges(categories: int) -> Float32s:
    """Return edges halfway between the categories; those past the limit share the last bin."""
    between = np.arange(min(categories, MAX_EDGES - 1), dtype=np.float32) - np.float32(0.5)
    return np.append(between, np.float32(categories - 0.5))
