"""The baseline of a simulated fleet: of its features alone, since no model scores them."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from compiler.baseline import build_baseline
from detectors import Reference, lay_out
from device_contract.manifest import Feature, Output


def reference_of(sample: NDArray[np.float32]) -> Reference:
    """Lay out the baseline of a sample, (rows, features)."""
    names = tuple(Feature(name=f"sensor-{number:02}") for number in range(sample.shape[1]))
    baseline = build_baseline(names, (Output(name="none"),), sample, np.zeros((len(sample), 1)))
    return lay_out(msgspec.structs.replace(baseline, streams=baseline.streams[: len(names)]))
