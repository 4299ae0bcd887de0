"""All the bundles of one model: one for each firmware profile, each on its own.

The model is read, scored and proved once, and only if some bundle is not there already. What is
wrong with one bundle does not keep the others from being written.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from compiler import inputs
from compiler.checks import Check, Checklist
from compiler.compile_report import BundleFile, CompileReport, Failure, Variant
from compiler.errors import CompilerError, exit_code
from compiler.inputs import Digests
from compiler.pipeline import BundleOrder, compile_prepared
from compiler.preparation import PreparedModel, prepare
from compiler.quantization import Quantization
from device_contract.errors import ContractError, ProfileError
from device_contract.profile import FirmwareProfile, find_profile, read_profile
from device_contract.version import VERSION

_AND_BELOW = "/..."
Target = FirmwareProfile | None


@dataclass(frozen=True)
class Build:
    """Bundles to make.

    Attributes:
        model: Path of the model.
        sample: Path of rows like those of the training.
        out: Folder of the bundles.
        order: What the bundles shall be.
        profiles: Profiles as the user names them; empty for the portable bundle.
        schema: Path of a schema file, if any.
        trust_pickle: Load a pickle, which runs any code that it holds.
        explain: Plans hold what explains their scores.
        labels: The sample's column that holds what each row turned out to be, if there is one.
        quantization: What shall be made smaller, if anything.
    """

    model: Path
    sample: Path
    out: Path
    order: BundleOrder
    profiles: Sequence[str] = ()
    schema: Path | None = None
    trust_pickle: bool = False
    explain: bool = False
    labels: str | None = None
    quantization: Quantization | None = None


def find_profiles(entries: Sequence[str]) -> tuple[FirmwareProfile, ...]:
    """Read profiles.

    Args:
        entries: Each a profile's name, the path of its file, a folder of such files, or ``folder/...``
            for those in the folders below it too.

    Returns:
        The profiles in this order, those of a folder by their paths, each once.

    Raises:
        ProfileError: There is no such profile, or there are two of one name.
    """
    found: dict[str, FirmwareProfile] = {}
    for entry in entries:
        for profile in _profiles(entry):
            if found.setdefault(profile.name, profile) != profile:
                raise ProfileError(f"{entry}: another profile {profile.name!r} has the same name")
    return tuple(found.values())


def _profiles(entry: str) -> list[FirmwareProfile]:
    is_deep = entry.endswith(_AND_BELOW)
    folder = Path(entry.removesuffix(_AND_BELOW))
    if not (is_deep or folder.is_dir()):
        return [find_profile(entry)]
    files = sorted(folder.rglob("*.toml") if is_deep else folder.glob("*.toml"))
    if not files:
        raise ProfileError(f"no firmware profile (.toml) in {folder}")
    return [read_profile(file) for file in files]


def build(request: Build) -> CompileReport:
    """Make the bundles that are not there already, and write them.

    Returns:
        What came of it, failures too.
    """
    began, work = time.perf_counter(), _Work(request)
    failure = None
    try:
        work.run()
    except (CompilerError, ContractError) as error:
        failure = _failure(error)
    failures = [each for each in (failure, *(variant.failure for variant in work.variants)) if each]
    return CompileReport(
        compiler=VERSION,
        model=request.order.name,
        version=request.order.version,
        exit_code=max((each.exit_code for each in failures), default=0),
        seconds=round(time.perf_counter() - began, 6),
        features=work.features,
        failure=failure,
        checks=tuple(work.checklist.checks),
        variants=tuple(work.variants),
    )


class _Work:
    """A build under way; what it has come to so far stays when it fails.

    Attributes:
        checklist: The steps that the bundles share.
        features: The model's, once it is read.
        variants: What came of each bundle.
    """

    def __init__(self, request: Build) -> None:
        self.checklist = Checklist()
        self.features: tuple[str, ...] = ()
        self.variants: list[Variant] = []
        self._request = request

    def run(self) -> None:
        """Make the bundles.

        Raises:
            CompilerError: None of those that are missing can be made.
            ContractError: The same.
        """
        request = self._request
        with self.checklist.step("request"):
            request.order.check()
            targets: tuple[Target, ...] = find_profiles(request.profiles) or (None,)
        shared = inputs.digest_shared(
            request.model,
            request.sample,
            request.schema,
            request.order,
            trust_pickle=request.trust_pickle,
            explain=request.explain,
            labels=request.labels,
            quantization=request.quantization,
        )
        digests = [inputs.with_profile(shared, target) for target in targets]
        found = [inputs.find_built(self._path(target), each) for target, each in zip(targets, digests, strict=True)]
        self.variants += [variant for variant in found if variant]
        if all(found):
            return
        prepared = self._prepare()
        self.variants = [
            variant or self._make(prepared, target, each)
            for variant, target, each in zip(found, targets, digests, strict=True)
        ]

    def _path(self, target: Target) -> Path:
        return self._request.out / self._request.order.file_name(target.name if target else None)

    def _prepare(self) -> PreparedModel:
        request = self._request
        prepared = prepare(
            request.model,
            request.sample,
            schema=request.schema,
            trust_pickle=request.trust_pickle,
            explain=request.explain,
            labels=request.labels,
            quantization=request.quantization,
            checklist=self.checklist,
        )
        self.features = tuple(feature.name for feature in prepared.sample.features)
        return prepared

    def _make(self, prepared: PreparedModel, target: Target, digests: Digests) -> Variant:
        profile, checklist = target.name if target else None, Checklist()
        try:
            compiled = compile_prepared(prepared, self._request.order, target, checklist)
            path = compiled.write(self._request.out)
            file = BundleFile(path=str(path), sha256=compiled.sha256, size_bytes=len(compiled.data))
            checks, notes = tuple(checklist.checks), compiled.notes
            variant = Variant(profile=profile, status="built", bundle=file, checks=checks, notes=notes)
            inputs.keep_record(path, digests, variant)
        except (CompilerError, ContractError) as error:
            checks = _with_failure(checklist.checks, error)
            return Variant(profile=profile, status="failed", failure=_failure(error), checks=checks)
        return variant


def _failure(error: CompilerError | ContractError) -> Failure:
    return Failure(exit_code=exit_code(error), message=str(error))


def _with_failure(checks: list[Check], error: CompilerError | ContractError) -> tuple[Check, ...]:
    """Return the checks; what went wrong between two steps is a step of its own."""
    if any(check.status == "failed" for check in checks):
        return tuple(checks)
    return (*checks, Check(name="build", status="failed", message=str(error)))
