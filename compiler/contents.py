"""Everything that a bundle is made of, before it is packed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compiler.backends.artifact import EmittedArtifact
from compiler.frontends.source import Signature
from compiler.sample import Sample
from compiler.tolerance import Tolerance
from device_contract.baseline import Baseline
from device_contract.manifest import Lineage, Output


@dataclass(frozen=True)
class Contents:
    """What goes into a bundle.

    Attributes:
        model: The model's name.
        version: Its version.
        profile: The firmware profile's name; ``None`` for a portable bundle.
        signature: What the model takes and gives.
        outputs: The model's outputs, named.
        sample: The sample.
        truth: The original model's scores of the sample, (n_rows, n_outputs).
        tolerance: How far a score may be off.
        artifacts: The artifacts.
        baseline: The baseline.
        lineage: Where the model comes from.
    """

    model: str
    version: str
    profile: str | None
    signature: Signature
    outputs: tuple[Output, ...]
    sample: Sample
    truth: NDArray[np.float64]
    tolerance: Tolerance
    artifacts: tuple[EmittedArtifact, ...]
    baseline: Baseline
    lineage: Lineage
