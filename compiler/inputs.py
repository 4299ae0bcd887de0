"""What a bundle was made from, kept beside it: the same inputs again, and nothing is built.

``{bundle}.inputs.json`` holds the digest of everything that a bundle's bytes depend on, the
bundle's own digest, and what came of its build. It saves time and vouches for nothing: a
signature is checked elsewhere. Whatever does not fit, is missing or cannot be read means that
the bundle is built.
"""

import hashlib
import importlib.metadata
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import msgspec

import compiler
import device_contract
from compiler.compile_report import Variant
from compiler.files import write_whole
from compiler.pipeline import BundleOrder
from device_contract.canonical import canonical_json, sha256_hex
from device_contract.profile import FirmwareProfile

Digests = dict[str, str]
_CODE = ("*.py", "*.so", "*.pyd")


class InputsRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The file beside a bundle.

    Attributes:
        inputs: SHA-256 of each input, by its name.
        variant: What came of the build, with the bundle's own digest.
    """

    inputs_version: Literal[1] = 1
    inputs: Digests
    variant: Variant


def digest_shared(model: Path, sample: Path, schema: Path | None, order: BundleOrder, *, trust_pickle: bool) -> Digests:
    """Digest what the bundles for all profiles depend on.

    Raises:
        OSError: A file cannot be read.
    """
    options = {"trust_pickle": trust_pickle, **asdict(order)}
    return {
        "model": _file_sha256(model),
        "sample": _file_sha256(sample),
        "schema": _file_sha256(schema) if schema is not None else "",
        "options": sha256_hex(canonical_json(options)),
        "compiler": _code_sha256(),
        "packages": sha256_hex(canonical_json(_installed())),
    }


def with_profile(shared: Digests, profile: FirmwareProfile | None) -> Digests:
    """Add the profile, if there is one."""
    return {**shared, "profile": sha256_hex(canonical_json(profile)) if profile is not None else ""}


def find_built(bundle: Path, inputs: Digests) -> Variant | None:
    """Return what came of the build, if the bundle lies there, unchanged, and was made from these inputs."""
    try:
        record = msgspec.json.decode(_record_path(bundle).read_bytes(), type=InputsRecord)
        built = record.variant.bundle
        if record.inputs != inputs or built is None or _file_sha256(bundle) != built.sha256:
            return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    here = msgspec.structs.replace(built, path=str(bundle))
    return msgspec.structs.replace(record.variant, status="up to date", bundle=here)


def keep_record(bundle: Path, inputs: Digests, variant: Variant) -> None:
    """Keep what a bundle was made from.

    Raises:
        CompilerError: The file cannot be written.
    """
    record = InputsRecord(inputs=inputs, variant=variant)
    write_whole(_record_path(bundle), msgspec.json.format(msgspec.json.encode(record)) + b"\n")


def _record_path(bundle: Path) -> Path:
    return bundle.with_name(bundle.name + ".inputs.json")


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _code_sha256() -> str:
    """Digest the code that makes a bundle: a version number stays the same while somebody edits."""
    digests: Digests = {}
    for package in (compiler, device_contract):
        for folder in map(Path, package.__path__):
            files = sorted(file for pattern in _CODE for file in folder.rglob(pattern))
            digests |= {f"{package.__name__}/{file.relative_to(folder)}": _file_sha256(file) for file in files}
    return sha256_hex(canonical_json(digests))


def _installed() -> dict[str, str]:
    """Return the versions of all that is installed: any of it may have a hand in a conversion."""
    versions = {distribution.name: distribution.version for distribution in importlib.metadata.distributions()}
    return {**versions, "python": platform.python_version(), "machine": platform.machine()}
