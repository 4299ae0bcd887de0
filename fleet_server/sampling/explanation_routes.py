"""HTTP of the explanations."""

from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel

from device_contract.names import DEVICE_ID_PATTERN
from fleet_server.auth import AuthService, Role
from fleet_server.sampling.explanations import ExplainedRow, ExplanationService, Method

DeviceId = Annotated[str, Path(pattern=DEVICE_ID_PATTERN, description="A device's id.")]
RowNumber = Annotated[int, Path(ge=0, le=2**53, description="A row's number.")]


class FeatureJson(BaseModel):
    """One feature of the row."""

    name: str
    value: float | None
    contributions: list[float]
    """To each score."""


class ExplanationJson(BaseModel):
    """A row's scores, divided among its features: `expected` and the contributions add up to `scores`."""

    device_id: str
    row: int
    model: str
    version: str
    method: Method
    of: Literal["outputs", "raw_scores"]
    """Raw scores are what the matrix or the trees give, before a link such as a sigmoid."""
    background_rows: int
    outputs: list[float]
    scores: list[float]
    expected: list[float]
    features: list[FeatureJson]
    """The one that matters most first."""


def router(explanations: ExplanationService, auth: AuthService) -> APIRouter:
    """Build the route.

    Args:
        explanations: Explain rows.
        auth: Checks roles.
    """
    engineer = Depends(auth.require(Role.ML_ENGINEER))
    routes = APIRouter(prefix="/api/v1/devices", tags=["sampling"], dependencies=[engineer])

    @routes.get("/{device_id}/samples/{row}/explanation")
    def explain_row(device_id: DeviceId, row: RowNumber) -> ExplanationJson:
        """Tell exactly (Shapley values) what each feature added to the score of a sampled row."""
        return _json(device_id, explanations.explain(device_id, row))

    return routes


def _json(device_id: str, found: ExplainedRow) -> ExplanationJson:
    contributions, expected = found.explanation.contributions, found.explanation.expected
    values = np.frombuffer(found.row.values, "<f4").tolist()
    features = [
        FeatureJson(name=feature.name, value=value if np.isfinite(value) else None, contributions=parts.tolist())
        for feature, value, parts in zip(found.manifest.features, values, contributions, strict=True)
    ]
    return ExplanationJson(
        device_id=device_id,
        row=found.row.row,
        model=found.manifest.model,
        version=found.manifest.version,
        method=found.method,
        of="outputs" if found.of_outputs else "raw_scores",
        background_rows=found.explanation.background_rows,
        outputs=np.frombuffer(found.row.outputs, "<f8").tolist(),
        scores=(expected + contributions.sum(axis=0)).tolist(),
        expected=expected.tolist(),
        features=sorted(features, key=lambda feature: -float(np.abs(feature.contributions).sum())),
    )
