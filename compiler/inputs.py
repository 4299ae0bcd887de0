"""What a bundle was made from, kept beside it: the same inputs again, and nothing is built.

``{bundle}.inputs.json`` holds the digest of everything that a bundle's bytes depend on, the
bundle's own digest, and what came of its build. It saves time and vouches for nothing: a
signature is checked elsewhere. Whatever does not fit, is missing or cannot be read means that
the bundle is built.
"""

import errno
import hashlib
import platform
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import msgspec

import compiler
import device_contract
from compiler.compile_report import Variant
from compiler.files import read_limited, write_whole
from compiler.pipeline import BundleOrder
from compiler.quantization import Quantization
from device_contract.bundle import MAX_BUNDLE_BYTES
from device_contract.canonical import canonical_json, sha256_hex
from device_contract.profile import FirmwareProfile

Digests = dict[str, str]
_CODE = ("*.py", "*.so", "*.pyd")
_LOCATION = b"location"
_MAX_RECORD_BYTES = 16 << 20


class InputsRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The file beside a bundle.

    Attributes:
        inputs: SHA-256 of each input, by its name.
        variant: What came of the build, with the bundle's own digest.
        variant_sha256: Digest of that.
    """

    inputs_version: Literal[1]
    inputs: Digests
    variant: Variant
    variant_sha256: str


def digest_shared(  # noqa: PLR0913  (everything that a bundle's bytes depend on)
    model: Path,
    sample: Path,
    schema: Path | None,
    order: BundleOrder,
    *,
    trust_pickle: bool,
    explain: bool,
    labels: str | None,
    quantization: Quantization | None,
) -> Digests:
    """Digest what the bundles for all profiles depend on.

    Returns:
        The digests; none if they do not tell everything: a file cannot be read (whoever reads it
        next says why), or the model keeps weights in other files. Such a bundle is always built.
    """
    given = (("model", model), ("sample", sample), ("schema", schema))
    try:
        if _has_other_files(model):
            return {}
        files = {name: _file_sha256(path) if path else "" for name, path in given}
    except (OSError, ValueError):
        return {}
    smaller = asdict(quantization) if quantization else None
    options = {
        "trust_pickle": trust_pickle,
        "explain": explain,
        "labels": labels,
        "quantization": smaller,
        **asdict(order),
    }
    return {
        **files,
        "options": sha256_hex(canonical_json(options)),
        "compiler": _code_sha256(),
        "packages": sha256_hex(canonical_json(_installed())),
    }


def with_profile(shared: Digests, profile: FirmwareProfile | None) -> Digests:
    """Add the profile, if there is one; to no digests nothing."""
    if not shared:
        return {}
    return {**shared, "profile": sha256_hex(canonical_json(profile)) if profile is not None else ""}


def find_built(bundle: Path, inputs: Digests) -> Variant | None:
    """Return what came of the build, if the bundle lies there, unchanged, and was made from these inputs."""
    try:
        record = msgspec.json.decode(read_limited(_record_path(bundle), _MAX_RECORD_BYTES), type=InputsRecord)
        built = record.variant.bundle
        is_whole = record.variant_sha256 == _variant_sha256(record.variant)
        if record.inputs != inputs or not is_whole or built is None or _file_sha256(bundle) != built.sha256:
            return None
    except (OSError, ValueError, RecursionError):
        return None
    here = msgspec.structs.replace(built, path=str(bundle))
    return msgspec.structs.replace(record.variant, status="up to date", bundle=here)


def keep_record(bundle: Path, inputs: Digests, variant: Variant) -> None:
    """Keep what a bundle was made from, if that is known.

    Raises:
        CompilerError: The file cannot be written.
    """
    if not inputs:
        return
    record = InputsRecord(inputs_version=1, inputs=inputs, variant=variant, variant_sha256=_variant_sha256(variant))
    write_whole(_record_path(bundle), msgspec.json.format(msgspec.json.encode(record)) + b"\n")


def _variant_sha256(variant: Variant) -> str:
    return sha256_hex(msgspec.json.encode(variant))


def _record_path(bundle: Path) -> Path:
    return bundle.with_name(bundle.name + ".inputs.json")


def _has_other_files(model: Path) -> bool:
    """Tell whether an ONNX model may keep weights in other files, each of which it gives a ``location``.

    Source: https://onnx.ai/onnx/repo-docs/ExternalData.html
    """
    return model.suffix.lower() == ".onnx" and _LOCATION in read_limited(model, MAX_BUNDLE_BYTES)


def _file_sha256(path: Path) -> str:
    if not path.is_file():
        raise OSError(errno.EINVAL, "no regular file", str(path))  # a device may have no end
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
    """Return what is installed, and where: any of it may have a hand in a conversion.

    The name of a distribution's folder tells its version; to read what lies in it would take as long as a
    small model takes to compile.

    Source: https://packaging.python.org/en/latest/specifications/recording-installed-packages/
    """
    folders = [entry.name for path in map(Path, sys.path) if path.is_dir() for entry in path.glob("*.*-info")]
    return {"folders": " ".join(sorted(folders)), "python": platform.python_version(), "machine": platform.machine()}
