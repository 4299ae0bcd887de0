"""The bundle's manifest: what the model is, what it takes, what it gives, what it needs.

Canonical JSON, first entry of the bundle. Unknown fields are ignored, missing ones are
refused. The page is ``docs/formats/bundle.md``.
"""

from collections import Counter
from typing import Annotated, Final, Literal

import msgspec

from device_contract.errors import ManifestError
from device_contract.frames.frame import Frame
from device_contract.names import Name, Sha256, whole

SCHEMA_VERSION: Final = 1
MAX_MANIFEST_BYTES = 16 << 20
MAX_FEATURES = 65_535

ArtifactKind = Literal["onnx", "plan"]
FileName = Annotated[str, whole(r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Positive = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
Label = str | int
MAX_OUTPUTS = 4096
MAX_STREAM_NAME = 128
StreamName = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_STREAM_NAME)]
"""Of a feature or an output."""


class FileReference(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the bundle."""

    path: FileName
    sha256: Sha256
    size_bytes: Annotated[int, msgspec.Meta(ge=0, le=2**40)]


class Feature(msgspec.Struct, frozen=True, kw_only=True):
    """One input of the model, in the order of the row."""

    name: StreamName
    unit: str = ""
    kind: Literal["number", "category"] = "number"
    minimum: float | None = None
    """Smallest plausible value; rows below are scored and counted as out of range."""
    maximum: float | None = None
    categories: tuple[str, ...] = ()
    """For ``category``: the row holds the position in this list; anything else is out of category."""


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """One number that the model gives."""

    name: StreamName
    unit: str = ""


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    """The model in executable form."""

    kind: ArtifactKind
    file: FileReference
    onnx_input: str = ""
    """For ``onnx``: the graph's input, float32 (n_rows, n_features)."""
    onnx_output: str = ""
    """For ``onnx``: the graph's numeric output, (n_rows, n_outputs) or (n_rows,)."""


class SelfTest(msgspec.Struct, frozen=True, kw_only=True):
    """Golden rows, proved on the device before activation (``device_contract.selftest``)."""

    file: FileReference
    rows: Positive
    absolute_tolerance: float
    relative_tolerance: float


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What the bundle was found to need when it was built."""

    artifact_bytes: Positive
    """Size of the largest artifact."""


class Lineage(msgspec.Struct, frozen=True, kw_only=True):
    """Where the model comes from."""

    model_sha256: Sha256
    sample_sha256: Sha256
    code_revision: str = ""
    packages: dict[str, str] = {}
    parameters: dict[str, str] = {}


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The whole manifest."""

    schema_version: Literal[1] = SCHEMA_VERSION
    model: Name
    version: Name
    task: Literal["regression", "classification"]
    frame: Frame | msgspec.UnsetType = msgspec.UNSET
    """How the features are computed from a stream of samples; left out where a device is given rows."""
    features: Annotated[tuple[Feature, ...], msgspec.Meta(min_length=1, max_length=MAX_FEATURES)]
    outputs: Annotated[tuple[Output, ...], msgspec.Meta(min_length=1, max_length=MAX_OUTPUTS)]
    labels: tuple[Label, ...] = ()
    """For classification: the label of each output probability, in order."""
    profile: Name | None = None
    """The firmware profile that the bundle is for; ``None`` is portable."""
    artifacts: Annotated[tuple[Artifact, ...], msgspec.Meta(min_length=1, max_length=2)]
    baseline: FileReference
    self_test: SelfTest
    model_card: FileReference
    sbom: FileReference
    provenance: FileReference
    budget: Budget
    lineage: Lineage

    def files(self) -> tuple[FileReference, ...]:
        """Return every file that the bundle holds beside the manifest."""
        artifacts = tuple(artifact.file for artifact in self.artifacts)
        return (*artifacts, self.baseline, self.self_test.file, self.model_card, self.sbom, self.provenance)

    def artifact(self, kind: ArtifactKind) -> Artifact | None:
        """Return the artifact of a kind, if the bundle carries one."""
        return next((artifact for artifact in self.artifacts if artifact.kind == kind), None)


class _Versioned(msgspec.Struct):
    """As much of a manifest as every version has."""

    schema_version: int = SCHEMA_VERSION


def decode_manifest(data: bytes | memoryview) -> Manifest:
    """Decode a manifest.

    Raises:
        ManifestError: The bytes are oversized or malformed, of an unknown version, or the
            manifest contradicts itself.
    """
    if len(data) > MAX_MANIFEST_BYTES:
        raise ManifestError(f"manifest has {len(data)} bytes, limit {MAX_MANIFEST_BYTES}")
    try:
        version = msgspec.json.decode(data, type=_Versioned).schema_version
        if version != SCHEMA_VERSION:
            raise ManifestError(f"the manifest is of version {version}, this Leeway reads version {SCHEMA_VERSION}")
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ManifestError(f"malformed manifest: {error}") from error
    _check_consistency(manifest)
    return manifest


def _check_consistency(manifest: Manifest) -> None:
    _refuse_repeats("feature", [feature.name for feature in manifest.features])
    _refuse_repeats("output", [output.name for output in manifest.outputs])
    _refuse_repeats("file", [file.path for file in manifest.files()])
    _refuse_repeats("artifact kind", [artifact.kind for artifact in manifest.artifacts])
    if manifest.task == "classification" and len(manifest.labels) != len(manifest.outputs):
        raise ManifestError(f"{len(manifest.labels)} labels for {len(manifest.outputs)} outputs")
    if manifest.frame is not msgspec.UNSET:
        _check_frame(manifest.frame, manifest.features)


def _check_frame(frame: Frame, features: tuple[Feature, ...]) -> None:
    frame.check()
    if any(feature.kind != "number" for feature in features):
        raise ManifestError("the features of a frame are numbers, not categories")
    if tuple(feature.name for feature in features) != frame.feature_names():
        raise ManifestError("the features are not those that the frame gives")


def _refuse_repeats(what: str, names: list[str]) -> None:
    repeated = next((name for name, count in Counter(names).items() if count > 1), None)
    if repeated is not None:
        raise ManifestError(f"{what} named twice: {repeated!r}")
