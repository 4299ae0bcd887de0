"""What a bundle is made of and from: SBOM and provenance, in the formats that auditors' tools read."""

from collections.abc import Mapping
from typing import Any

from device_contract.canonical import canonical_json
from device_contract.manifest import Lineage

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
_PROVENANCE_TYPE = "https://slsa.dev/provenance/v1"
_BUILD_TYPE = "urn:leeway:compile:v1"
_BUILDER = "urn:leeway:compiler"


def sbom(model: str, version: str, packages: Mapping[str, str]) -> bytes:
    """List the packages that the model was read and converted with.

    Source: CycloneDX 1.6 (ECMA-424), JSON.
    """
    components = [
        {"type": "library", "name": name, "version": found, "purl": _package_url(name, found)}
        for name, found in sorted(packages.items())
    ]
    document: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "machine-learning-model", "name": model, "version": version}},
        "components": components,
    }
    return canonical_json(document)


def statement(subjects: Mapping[str, str], predicate_type: str, predicate: Mapping[str, Any]) -> bytes:
    """Build an in-toto statement about files, given by name and SHA-256.

    Source: in-toto Attestation Framework, Statement v1.
    """
    subject = [{"name": name, "digest": {"sha256": digest}} for name, digest in sorted(subjects.items())]
    document = {
        "_type": STATEMENT_TYPE,
        "subject": subject,
        "predicateType": predicate_type,
        "predicate": dict(predicate),
    }
    return canonical_json(document)


def provenance(
    model: str,
    version: str,
    profile: str | None,
    files: Mapping[str, str],
    lineage: Lineage,
) -> bytes:
    """Tell from what the bundle's files were built, by what.

    Source: SLSA provenance v1.

    Args:
        model: The model's name.
        version: Its version.
        profile: The firmware profile's name, if any.
        files: SHA-256 of each file that was built, by name.
        lineage: The model's and the sample's digests, and the packages.
    """
    inputs: list[dict[str, Any]] = [
        {"name": "model", "digest": {"sha256": lineage.model_sha256}},
        {"name": "sample", "digest": {"sha256": lineage.sample_sha256}},
    ]
    inputs += [{"uri": _package_url(name, found)} for name, found in sorted(lineage.packages.items())]
    if lineage.code_revision:
        inputs.append({"name": "code", "digest": {"gitCommit": lineage.code_revision}})
    definition = {
        "buildType": _BUILD_TYPE,
        "externalParameters": {"model": model, "version": version, "profile": profile},
        "resolvedDependencies": inputs,
    }
    predicate = {"buildDefinition": definition, "runDetails": {"builder": {"id": _BUILDER}}}
    return statement(files, _PROVENANCE_TYPE, predicate)


def _package_url(name: str, version: str) -> str:
    return f"pkg:generic/python@{version}" if name == "python" else f"pkg:pypi/{name}@{version}"
