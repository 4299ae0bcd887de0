"""What a version predicts, and so what its labels are: from the bundle's manifest."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from device_contract.baseline import Baseline
from device_contract.manifest import Manifest


@dataclass(frozen=True)
class Target:
    """What the labels of a version are.

    Args:
        classes: A classifier's labels as text, in the order of its outputs; empty for a regression.
        n_outputs: Numbers that the model gives for a row.
        pivot: Mean of the first output in training, from which a regression's labels are measured.
        unit: Of a regression's labels.
    """

    classes: tuple[str, ...]
    n_outputs: int
    pivot: float = 0.0
    unit: str = ""

    @property
    def is_classification(self) -> bool:
        """Whether labels are classes."""
        return bool(self.classes)

    def class_of(self, label: object) -> int | None:
        """Return the place of a class, however its label is written (1, 1.0, true or "1"), or None."""
        if isinstance(label, bool | float) and label == int(label):
            label = int(label)
        return self._places.get(str(label))

    @cached_property
    def _places(self) -> dict[str, int]:
        return {label: place for place, label in enumerate(self.classes)}


def target_of(manifest: Manifest, baseline: Baseline) -> Target:
    """Read what a version predicts."""
    output = next(stream for stream in baseline.streams if stream.role == "output")
    return Target(
        classes=tuple(map(str, manifest.labels)) if manifest.task == "classification" else (),
        n_outputs=len(manifest.outputs),
        pivot=output.mean,
        unit=manifest.outputs[0].unit,
    )


def probabilities_of(outputs: Sequence[float]) -> bool:
    """Tell whether a classifier's outputs are probabilities; else they are decision scores."""
    return all(-_ROUNDING <= output <= 1.0 + _ROUNDING for output in outputs) and abs(sum(outputs) - 1.0) <= _ROUNDING


_ROUNDING = 1e-3
"""What float32 and quantized weights leave of a sum of one."""
