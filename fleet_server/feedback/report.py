"""One version in detail: confusion, classes, ROC curves and calibration, as JSON."""

from typing import Any

from pydantic import BaseModel

from fleet_server.feedback import calibration, classification, roc
from fleet_server.feedback.classification import Layout
from fleet_server.feedback.intervals import Estimate, Floats
from fleet_server.feedback.performance import Group
from fleet_server.feedback.target import Target


class EstimateJson(BaseModel):
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


class ClassJson(BaseModel):
    """How well one class is told; what did not come up is null."""

    label: str
    recall: EstimateJson | None = None
    precision: EstimateJson | None = None
    auc: EstimateJson | None = None


class CurveJson(BaseModel):
    """The ROC curve of one class against the others."""

    label: str
    points: list[tuple[float, float, float]]
    """Least score that counts as the class, false positive rate, true positive rate."""
    auc_resolution: float
    """How far the area may be from that of scores that are not binned."""


class ReportJson(BaseModel):
    """One version; what a regression or many classes do not have is empty."""

    rows: int
    labelled: int
    unit: str
    """Of a regression's labels."""
    labels: list[str]
    confusion: list[list[float]]
    """Weight by true class, then by predicted class."""
    classes: list[ClassJson]
    curves: list[CurveJson]
    calibration: list[tuple[float, float, float]]
    """By bin: mean probability, share of hits, weight."""


def report_of(group: Group) -> ReportJson:
    """Lay out a version's sums."""
    target = group.target
    parts = _of_classes(target, group.units.stack()) if target.is_classification and group.labelled else {}
    nothing: dict[str, Any] = {"confusion": [], "classes": [], "curves": [], "calibration": []}
    return ReportJson(
        rows=group.rows, labelled=group.labelled, unit=target.unit, labels=list(target.classes), **(nothing | parts)
    )


def _of_classes(target: Target, units: Floats) -> dict[str, Any]:
    layout = Layout(len(target.classes))
    sums = units.sum(axis=0)
    return {
        "confusion": layout.confusion(sums).tolist(),
        "classes": [
            ClassJson(label=label, **{name: _figure(estimate) for name, estimate in figures.items()})
            for label, figures in zip(target.classes, classification.of_classes(layout, units), strict=False)
        ],
        "curves": _curves(target, layout, layout.scores(sums)),
        "calibration": calibration.diagram(layout.calibration(sums)),
    }


def _curves(target: Target, layout: Layout, scores: Floats) -> list[CurveJson]:
    return [
        CurveJson(label=target.classes[index], points=roc.curve(counts), auc_resolution=roc.resolution(counts))
        for index, counts in zip(layout.curves, scores, strict=True)
        if counts.sum(axis=1).all()
    ]


def _figure(estimate: Estimate) -> EstimateJson:
    return EstimateJson(**vars(estimate))
