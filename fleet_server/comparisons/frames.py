"""A comparison as JSON, and as a table with a row for each stream."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final, Literal

import pyarrow as pa
from pydantic import BaseModel

from fleet_server.comparisons.comparison import (
    QUANTILES,
    Difference,
    StreamComparison,
    missing_share,
    quantiles_of,
)
from fleet_server.comparisons.merging import MergedStream
from fleet_server.comparisons.service import Comparison
from fleet_server.telemetry.frames import defined


class SideJson(BaseModel):
    """One stream on one side; what no finite value defines is null."""

    finite: int
    missing: int
    infinite: int
    out_of_range: int
    missing_share: float
    mean: float | None
    standard_deviation: float | None
    minimum: float | None
    maximum: float | None
    quantiles: dict[str, float]
    """By the share of the rows below, in percent: ``p05``, ``p25``, ``p50``, ``p75``, ``p95``; empty if not defined."""
    edges: list[float]
    counts: list[int]
    """One more than there are edges."""


class DifferenceJson(BaseModel):
    """How far side b is from side a; `mean_shift_sd` and `sd_ratio` are in a's standard deviations."""

    mean_shift: float | None
    mean_shift_sd: float | None
    sd_ratio: float | None
    missing_share_shift: float
    bins: int
    """That both sides have; 0 where their bins have no edge in common, and what needs bins is null."""
    population_stability_index: float | None
    stability_index_of_equals: float | None
    jensen_shannon_distance: float | None
    kolmogorov_smirnov_distance: float | None
    wasserstein_distance: float | None


class StreamJson(BaseModel):
    """One stream; a side that has no such stream is null."""

    name: str
    role: Literal["feature", "output"]
    kind: Literal["number", "category"]
    a: SideJson | None
    b: SideJson | None
    difference: DifferenceJson | None


class ComparisonJson(BaseModel):
    """Two sides of a model's windows."""

    model: str
    windows_a: int
    windows_b: int
    rows_a: int
    rows_b: int
    streams: list[StreamJson]


_SIDE: Final = ("finite", "missing_share", "out_of_range", "mean", "standard_deviation", "minimum", "maximum")
_WHOLE: Final = ("finite", "out_of_range")

COMPARISON: Final = pa.schema(
    [
        ("stream", pa.string()),
        ("role", pa.string()),
        ("kind", pa.string()),
        *((f"{name}_{side}", pa.int64() if name in _WHOLE else pa.float64()) for name in _SIDE for side in "ab"),
        *((f"p{share * 100:02.0f}_{side}", pa.float64()) for share in QUANTILES for side in "ab"),
        *((name, pa.int64() if name == "bins" else pa.float64()) for name in DifferenceJson.model_fields),
    ]
)
"""A row for each stream."""


def comparison_json(model: str, comparison: Comparison) -> ComparisonJson:
    """Show a comparison."""
    return ComparisonJson(
        model=model,
        windows_a=comparison.windows[0],
        windows_b=comparison.windows[1],
        rows_a=comparison.rows[0],
        rows_b=comparison.rows[1],
        streams=[_stream(stream) for stream in comparison.streams],
    )


def rows(comparison: ComparisonJson) -> Iterator[dict[str, Any]]:
    """Lay a comparison out in rows of ``COMPARISON``."""
    for stream in comparison.streams:
        row: dict[str, Any] = {"stream": stream.name, "role": stream.role, "kind": stream.kind}
        for name, side in (("a", stream.a), ("b", stream.b)):
            if side is not None:
                row |= {f"{field}_{name}": getattr(side, field) for field in _SIDE}
                row |= {f"{quantile}_{name}": value for quantile, value in side.quantiles.items()}
        yield row | (stream.difference.model_dump() if stream.difference is not None else {})


def _stream(compared: StreamComparison) -> StreamJson:
    role, name, kind = compared.key
    return StreamJson.model_validate(
        {
            "name": name,
            "role": role,
            "kind": kind,
            "a": _side(compared.a, kind),
            "b": _side(compared.b, kind),
            "difference": _difference(compared.difference),
        }
    )


def _side(stream: MergedStream | None, kind: str) -> SideJson | None:
    if stream is None:
        return None
    found = quantiles_of(stream) if kind == "number" else None
    return SideJson(
        finite=stream.finite,
        missing=stream.missing,
        infinite=stream.infinite,
        out_of_range=stream.out_of_range,
        missing_share=missing_share(stream),
        mean=defined(stream.mean),
        standard_deviation=defined(stream.standard_deviation),
        minimum=defined(stream.minimum),
        maximum=defined(stream.maximum),
        quantiles={f"p{share * 100:02.0f}": value for share, value in zip(QUANTILES, found or (), strict=bool(found))},
        edges=stream.edges.tolist(),
        counts=stream.counts.astype(int).tolist(),
    )


def _difference(difference: Difference | None) -> DifferenceJson | None:
    return None if difference is None else DifferenceJson(**asdict(difference))
