"""Verifying a bundle as a device does, before it leaves the house."""

import numpy as np

from compiler.backends.artifact import EmittedArtifact
from compiler.errors import ModelError, ParityError
from compiler.frontends.source import Signature
from compiler.parity import ParityResult, prove
from compiler.tolerance import Tolerance
from device_contract.baseline import decode_baseline
from device_contract.bundle import Bundle
from device_contract.errors import BundleError, PlanError
from device_contract.manifest import Artifact, Manifest
from device_contract.selftest import SelfTestVectors, decode_self_test


def verify_contents(bundle: Bundle) -> tuple[ParityResult, ...]:
    """Run the self-test through every artifact of an opened bundle, and read its baseline.

    Raises:
        BundleError: A file of the bundle is malformed, or does not fit the manifest.
        ParityError: An artifact does not give the expected scores.
    """
    manifest = bundle.manifest
    baseline = decode_baseline(bundle.files[manifest.baseline.path])
    names = [stream.name for stream in baseline.streams]
    if names != [feature.name for feature in manifest.features] + [output.name for output in manifest.outputs]:
        raise BundleError("the baseline's streams are not the manifest's features and outputs")
    vectors = decode_self_test(bundle.files[manifest.self_test.file.path])
    if (vectors.n_features, vectors.n_outputs) != (len(manifest.features), len(manifest.outputs)):
        raise BundleError("the self-test's rows do not fit the manifest's features and outputs")
    return tuple(_run(bundle, artifact, vectors) for artifact in manifest.artifacts)


def _run(bundle: Bundle, artifact: Artifact, vectors: SelfTestVectors) -> ParityResult:
    test = bundle.manifest.self_test
    rows = np.frombuffer(vectors.inputs, dtype="<f4").reshape(-1, vectors.n_features).astype(np.float32)
    expected = np.frombuffer(vectors.outputs, dtype="<f8").reshape(-1, vectors.n_outputs).astype(np.float64)
    data = bundle.files[artifact.file.path]
    emitted = EmittedArtifact(artifact.kind, data, artifact.onnx_input, artifact.onnx_output)
    tolerance = Tolerance((test.absolute_tolerance,), test.relative_tolerance)
    try:
        return prove(emitted, _signature(bundle.manifest), rows, expected, tolerance)
    except (ModelError, PlanError) as error:
        raise BundleError(f"the {artifact.kind} does not load or run: {error}") from error
    except ParityError as error:
        raise ParityError(f"self-test failed: {error}", error.rows) from error


def _signature(manifest: Manifest) -> Signature:
    return Signature(
        task=manifest.task,
        family="other",
        n_features=len(manifest.features),
        feature_names=tuple(feature.name for feature in manifest.features),
        labels=manifest.labels,
    )
