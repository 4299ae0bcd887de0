"""A verdict: what one comparison says of one device, or of the whole fleet, at this time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from detectors import Diagnosis

VerdictWord = Literal["stable", "drift", "learning", "no_data"]
DeviceKind = Literal["training", "own", "peers"]
Kind = Literal["training", "own", "peers", "fleet"]
DEVICE_KINDS: Final[tuple[DeviceKind, ...]] = ("training", "own", "peers")
"""In the order in which the detectors give them."""
KINDS: Final[tuple[Kind, ...]] = (*DEVICE_KINDS, "fleet")
WHOLE_FLEET: Final = ""
"""In the place of a device's id where a verdict is on all devices of a model."""
SILENT: Final = "it sends nothing that can be judged while its peers do"
"""The reason of ``no_data`` where a device fell silent, or all of its windows were refused."""
REGROUPED: Final = "devices are grouped by another label now"
"""The reason of ``no_data`` where the group that was compared is no more."""
HIGHEST_GRADE: Final = 3


@dataclass(frozen=True)
class DriftingStream:
    """A stream with an alarmed chart.

    Attributes:
        name: The stream's; ``detectors.charts.ALL_FEATURES`` for what features have in common.
        role: ``feature`` or ``output``.
        severity: Of its most severe chart; 1 is at the level.
        evidence: JSON: by channel, how far it is towards its level and whether it is alarmed.
        shift: How far its mean has moved, in its own unit; None where the comparison does not tell.
    """

    name: str
    role: Literal["feature", "output"]
    severity: float
    evidence: Mapping[str, Any]
    shift: float | None = None


@dataclass(frozen=True)
class Verdict:
    """The findings of one comparison, summed up.

    Attributes:
        word: What is.
        reason: Why there is nothing to tell, for ``learning`` and ``no_data``.
        features: Drifting features, the most severe first; of a broken relation the two that it is between.
        outputs: Drifting outputs of the model, the most severe first.
        severity: Of the most severe chart; 1 is at the level.
        evidence: JSON: the figures of what drifts.
        shift: Of the first drifting stream.
        diagnosis: What a drift of a device most likely is.
    """

    word: VerdictWord
    reason: str = ""
    features: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    severity: float = 0.0
    evidence: Mapping[str, Any] = field(default_factory=dict)
    shift: float | None = None
    diagnosis: Diagnosis | None = None

    @property
    def streams(self) -> tuple[str, ...]:
        """The drifting streams, features first."""
        return self.features + self.outputs

    @property
    def grade(self) -> int:
        """The severity in whole levels while it drifts, up to ``HIGHEST_GRADE``; else 0."""
        return min(int(self.severity), HIGHEST_GRADE) if self.word == "drift" else 0


def drifting(
    streams: Iterable[DriftingStream], together: Iterable[DriftingStream], severity: float, diagnosis: Diagnosis | None
) -> Verdict:
    """Make the verdict that something drifts.

    Args:
        streams: That drift.
        together: What drifts of all features together.
        severity: Of the most severe chart.
        diagnosis: What it most likely is.
    """
    # a feature comes before an output
    ranked = sorted(streams, key=lambda stream: (stream.role, -stream.severity, stream.name))
    related = diagnosis.streams if diagnosis is not None and not ranked else ()  # each by itself is as usual
    return Verdict(
        word="drift",
        features=tuple(stream.name for stream in ranked if stream.role == "feature") or related,
        outputs=tuple(stream.name for stream in ranked if stream.role == "output"),
        severity=severity,
        evidence={stream.name: dict(stream.evidence) for stream in (*ranked, *together)},
        shift=ranked[0].shift if ranked else None,
        diagnosis=diagnosis,
    )
