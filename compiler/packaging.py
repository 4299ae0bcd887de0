"""The bundle's papers: manifest, self-test vectors, model card, SBOM and provenance.

Nothing here knows the time, the machine or the folder: the same inputs give the same bytes.
"""

import importlib.metadata
import platform
from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from compiler.backends.artifact import FILE_NAMES, EmittedArtifact
from compiler.contents import Contents
from compiler.model_card import model_card
from compiler.spread import evenly
from compiler.supply_chain import provenance, sbom
from device_contract import bundle
from device_contract.baseline import encode_baseline
from device_contract.canonical import sha256_hex
from device_contract.manifest import Artifact, Budget, FileReference, Manifest, SelfTest
from device_contract.selftest import SelfTestVectors

_BASELINE = "baseline.msgpack"
_MODEL_CARD = "model-card.md"
_PROVENANCE = "provenance.json"
_SBOM = "sbom.cdx.json"
_SELF_TEST = "self-test.msgpack"
_SELF_TEST_ROWS = 32
_DISTRIBUTION = "leeway-fleet"


def pack(contents: Contents) -> tuple[Manifest, bytes]:
    """Build a bundle.

    Returns:
        Its manifest, and the archive's bytes.
    """
    files = {FILE_NAMES[artifact.kind]: bytes(artifact.data) for artifact in contents.artifacts}
    files[_BASELINE] = encode_baseline(contents.baseline)
    vectors = self_test(contents.sample.rows, contents.truth)
    files[_SELF_TEST] = msgspec.msgpack.encode(vectors)
    files[_SBOM] = sbom(contents.model, contents.version, contents.lineage.packages)
    files[_PROVENANCE] = provenance(
        contents.model,
        contents.version,
        contents.profile,
        {name: sha256_hex(files[name]) for name in sorted(files)},
        contents.lineage,
    )
    files[_MODEL_CARD] = model_card(contents).encode()
    manifest = _manifest(contents, files, vectors.n_rows)
    return manifest, bundle.pack(manifest, files)


def self_test(rows: NDArray[np.float32], truth: NDArray[np.float64]) -> SelfTestVectors:
    """Choose rows spread evenly over those that the model scores, with the scores that it gives."""
    scored = np.flatnonzero(np.isfinite(truth).all(axis=1))
    chosen = scored[evenly(len(scored), _SELF_TEST_ROWS)]
    return SelfTestVectors(
        n_rows=len(chosen),
        n_features=rows.shape[1],
        n_outputs=truth.shape[1],
        inputs=rows[chosen].astype("<f4").tobytes(),
        outputs=truth[chosen].astype("<f8").tobytes(),
    )


def package_versions(names: tuple[str, ...]) -> dict[str, str]:
    """Return the versions of the named distributions, of this one, and of Python."""
    versions = {name: _version(name) for name in (_DISTRIBUTION, *names)}
    return dict(sorted({**versions, "python": platform.python_version()}.items()))


def code_revision(environment: Mapping[str, str]) -> str:
    """Return the commit that CI builds, where it tells (GitLab and GitHub name it so)."""
    return environment.get("CI_COMMIT_SHA") or environment.get("GITHUB_SHA") or ""


def answered_request(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the lineage's parameter that names the retraining request which a version answers, if CI names one."""
    request_id = environment.get("LEEWAY_ANSWERS")
    return {"answers": request_id} if request_id else {}


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:  # this one, run from its source tree
        return "0+source"


def _manifest(contents: Contents, files: Mapping[str, bytes], self_test_rows: int) -> Manifest:
    references = {name: _reference(name, data) for name, data in files.items()}
    return Manifest(
        model=contents.model,
        version=contents.version,
        task=contents.signature.task,
        frame=contents.sample.frame or msgspec.UNSET,
        features=contents.sample.features,
        outputs=contents.outputs,
        labels=contents.signature.labels,
        profile=contents.profile,
        artifacts=tuple(_artifact(artifact, references) for artifact in contents.artifacts),
        baseline=references[_BASELINE],
        self_test=SelfTest(
            file=references[_SELF_TEST],
            rows=self_test_rows,
            absolute_tolerance=contents.tolerance.largest,
            relative_tolerance=contents.tolerance.relative,
        ),
        model_card=references[_MODEL_CARD],
        sbom=references[_SBOM],
        provenance=references[_PROVENANCE],
        budget=Budget(artifact_bytes=max(len(artifact.data) for artifact in contents.artifacts)),
        lineage=contents.lineage,
    )


def _artifact(artifact: EmittedArtifact, references: Mapping[str, FileReference]) -> Artifact:
    return Artifact(
        kind=artifact.kind,
        file=references[FILE_NAMES[artifact.kind]],
        onnx_input=artifact.onnx_input,
        onnx_output=artifact.onnx_output,
    )


def _reference(name: str, data: bytes) -> FileReference:
    return FileReference(path=name, sha256=sha256_hex(data), size_bytes=len(data))
