"""From bundles to C files for a microcontroller: read -> write -> build -> hold against the budget."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from compiler import firmware
from compiler.backends.c_model import Model
from compiler.backends.c_source import c_sources
from compiler.errors import CompilerError, UnsupportedModelError
from compiler.files import write_whole
from device_contract.bundle import Bundle
from device_contract.errors import BundleError
from device_contract.plan.format import HEADER
from device_contract.plan.scorer import PlanScorer
from device_contract.profile import FirmwareProfile
from device_contract.selftest import decode_self_test


@dataclass(frozen=True)
class Export:
    """The models of a firmware as C.

    Attributes:
        sources: Text of each file, by its name.
        shares: What they take of the profile's flash and RAM; empty without a profile.
    """

    sources: dict[str, str]
    shares: tuple[firmware.Share, ...]

    def write(self, folder: Path) -> None:
        """Write the files into a folder.

        Raises:
            CompilerError: They cannot be written.
        """
        for name, text in self.sources.items():
            write_whole(folder / name, text.encode())


def export(bundles: Sequence[Bundle], profile: FirmwareProfile | None = None) -> Export:
    """Export the plans of a firmware's bundles as C.

    Args:
        bundles: Opened bundles, of models with different names.
        profile: A microcontroller to build for, and to hold the result against.

    Raises:
        UnsupportedModelError: A bundle carries no plan.
        ContractError: Its plan or its self-test is not sound.
        CompilerError: Two models would be written to one file, or they cannot be built for the profile.
        BudgetError: They take more flash or RAM than the profile grants.
    """
    models = [_model(bundle) for bundle in bundles]
    files = Counter(file for model in models for file in model.files)
    repeated = next((file for file, count in files.items() if count > 1), None)
    if repeated is not None:
        raise CompilerError(f"two of the models would both be written to {repeated}: export one of them")
    sources = c_sources(models)
    if profile is None:
        return Export(sources, ())
    shares = firmware.measure(models, sources, profile)
    firmware.hold(shares, profile)
    return Export(sources, shares)


def _model(bundle: Bundle) -> Model:
    manifest = bundle.manifest
    artifact = manifest.artifact("plan")
    if artifact is None:
        raise UnsupportedModelError(f"{manifest.model} {manifest.version} carries no plan; C is made from plans only")
    plan = bytes(bundle.files[artifact.file.path])
    scorer = PlanScorer(plan)
    vectors = decode_self_test(bundle.files[manifest.self_test.file.path])
    widths = (len(manifest.features), len(manifest.outputs))
    if not widths == (scorer.n_features, scorer.n_outputs) == (vectors.n_features, vectors.n_outputs):
        raise BundleError("the plan and the self-test do not fit the manifest's features and outputs")
    *_, value_bytes, n_values, _ = HEADER.unpack_from(plan)
    return Model(manifest, plan, value_bytes * n_values, vectors, bundle.sha256)
