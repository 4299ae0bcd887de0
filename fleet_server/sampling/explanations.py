"""Exact explanations of sampled rows, on request: opens the bundle, and chooses the way."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from device_contract.bundle import Bundle, open_file
from device_contract.manifest import Manifest
from device_contract.plan.scorer import PlanScorer
from device_contract.samples import SampledRow
from device_contract.selftest import decode_self_test
from fleet_server.bundles.service import BundleService
from fleet_server.errors import InvalidRequestError, NotFoundError
from fleet_server.sampling.boxes import Boxes
from fleet_server.sampling.plan_models import Matrix, has_link, read_model
from fleet_server.sampling.service import SampleService
from fleet_server.sampling.shapley import MAX_ENUMERATED, Explanation, by_enumeration, of_matrix, of_trees

Method = Literal["matrix", "trees", "enumeration"]
Row = NDArray[np.float32]
_CODE: Final = "not_explainable"


@dataclass(frozen=True)
class ExplainedRow:
    """A sampled row, and where its scores came from.

    Attributes:
        row: The row.
        manifest: Of the version that scored it.
        explanation: What each feature added.
        method: How that was found.
        of_outputs: Whether it adds up to the outputs; else to the raw scores, before a link.
    """

    row: SampledRow
    manifest: Manifest
    explanation: Explanation
    method: Method
    of_outputs: bool


class ExplanationService:
    """Explains sampled rows.

    Args:
        samples: The rows.
        bundles: The versions that scored them.
    """

    def __init__(self, samples: SampleService, bundles: BundleService) -> None:
        self._samples = samples
        self._bundles = bundles

    def explain(self, device_id: str, row: int) -> ExplainedRow:
        """Explain a row against the training rows that its bundle carries.

        Raises:
            NotFoundError: The row was not sampled, or its bundle is gone.
            InvalidRequestError: The row or its model cannot be explained.
        """
        found = self._samples.find(device_id, row)
        if found is None:
            raise NotFoundError(f"row {row} of device {device_id!r} was not sampled", code="not_sampled")
        sample, sampled = found
        bundle = open_file(self._bundles.file(sample.bundle_sha256))
        return explain_row(bundle, sampled)


def explain_row(bundle: Bundle, sampled: SampledRow) -> ExplainedRow:
    """Explain a row against the training rows that its bundle carries.

    Raises:
        InvalidRequestError: The row or its model cannot be explained.
    """
    artifact = bundle.manifest.artifact("plan")
    if artifact is None:
        raise InvalidRequestError("the version has no plan, and the server runs no other models", code=_CODE)
    plan, row = bytes(bundle.files[artifact.file.path]), np.frombuffer(sampled.values, "<f4")
    scorer = PlanScorer(plan)
    if not np.allclose(_score(scorer, row[None])[0], np.frombuffer(sampled.outputs, "<f8"), rtol=1e-6, atol=1e-9):
        raise InvalidRequestError(
            "the row does not give the score that the device reported: a value is redacted, or missing", code=_CODE
        )
    method, explanation = _divide(plan, scorer, row, _background(bundle))
    of_outputs = method == "enumeration" or not has_link(plan)
    return ExplainedRow(sampled, bundle.manifest, explanation, method, of_outputs)


def _divide(plan: bytes, scorer: PlanScorer, row: Row, background: Row) -> tuple[Method, Explanation]:
    model = read_model(plan, len(row))
    if isinstance(model, Matrix):
        return "matrix", of_matrix(model.weights, model.base, row, background)
    if isinstance(model, Boxes):
        return "trees", of_trees(model, row, background)
    if len(row) <= MAX_ENUMERATED:
        return "enumeration", by_enumeration(lambda rows: _score(scorer, rows), row, background)
    raise InvalidRequestError(
        f"the model is neither a matrix nor trees, and has {len(row)} features; all their coalitions are scored "
        f"for {MAX_ENUMERATED} at most",
        code=_CODE,
    )


def _background(bundle: Bundle) -> Row:
    """Return the training rows that the bundle carries for its self-test, (n_rows, n_features)."""
    vectors = decode_self_test(bundle.files[bundle.manifest.self_test.file.path])
    return np.frombuffer(vectors.inputs, "<f4").reshape(vectors.n_rows, vectors.n_features)


def _score(scorer: PlanScorer, rows: Row) -> NDArray[np.float64]:
    scores = np.empty((len(rows), scorer.n_outputs))
    scorer.score_batch(np.ascontiguousarray(rows), len(rows), scores)
    return scores
