"""A verdict: what one comparison says of one device, or of the whole fleet, at this time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

VerdictWord = Literal["stable", "drift", "learning", "no_data"]
DeviceKind = Literal["training", "own", "peers"]
Kind = Literal["training", "own", "peers", "fleet"]
DEVICE_KINDS: Final[tuple[DeviceKind, ...]] = ("training", "own", "peers")
"""In the order in which the detectors give them."""
KINDS: Final[tuple[Kind, ...]] = (*DEVICE_KINDS, "fleet")
WHOLE_FLEET: Final = ""
"""In the place of a device's id where a verdict is on all devices of a model."""
HIGHEST_GRADE: Final = 3


@dataclass(frozen=True)
class Finding:
    """How one stream stands in one comparison.

    Attributes:
        name: The stream's.
        role: ``feature`` or ``output``.
        drifts: Whether one of its charts is alarmed.
        severity: Of its most severe chart; 1 is at the level.
        evidence: JSON: by channel, how far it is towards its level and whether it is alarmed.
        shift: How far its mean has moved, in its own unit; None where the comparison does not tell.
    """

    name: str
    role: Literal["feature", "output"]
    drifts: bool
    severity: float
    evidence: Mapping[str, Any]
    shift: float | None = None


@dataclass(frozen=True)
class Verdict:
    """The findings of one comparison, summed up.

    Attributes:
        word: What is.
        reason: Why there is nothing to tell, for ``learning`` and ``no_data``.
        features: Drifting features, the most severe first.
        outputs: Drifting outputs of the model, the most severe first.
        severity: Of the most severe stream; 1 is at the level.
        evidence: JSON: the figures of the drifting streams.
        shift: Of the first drifting stream.
    """

    word: VerdictWord
    reason: str = ""
    features: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    severity: float = 0.0
    evidence: Mapping[str, Any] = field(default_factory=dict)
    shift: float | None = None

    @property
    def streams(self) -> tuple[str, ...]:
        """The drifting streams, features first."""
        return self.features + self.outputs

    @property
    def grade(self) -> int:
        """The severity in whole levels while it drifts, up to ``HIGHEST_GRADE``; else 0."""
        return min(int(self.severity), HIGHEST_GRADE) if self.word == "drift" else 0


def sum_up(word: VerdictWord, reason: str, severity: float, findings: Iterable[Finding]) -> Verdict:
    """Make a verdict from the findings on its streams."""
    drifting = sorted(
        (finding for finding in findings if finding.drifts),
        key=lambda finding: (finding.role, -finding.severity, finding.name),  # a feature comes before an output
    )
    return Verdict(
        word=word,
        reason=reason,
        features=tuple(finding.name for finding in drifting if finding.role == "feature"),
        outputs=tuple(finding.name for finding in drifting if finding.role == "output"),
        severity=severity,
        evidence={finding.name: dict(finding.evidence) for finding in drifting},
        shift=drifting[0].shift if drifting else None,
    )
