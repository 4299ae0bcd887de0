"""A verdict: what one comparison says of one device at this time."""

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

VerdictWord = Literal["stable", "drift", "learning", "no_data"]
Kind = Literal["training", "peers"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """How one stream stands."""

    name: str
    role: Literal["feature", "output"]
    drifts: bool
    severity: float
    """1 is at the alarm threshold."""
    shift: float
    """Latest difference in the stream's own unit, with its sign; 0 if it has none."""
    evidence: dict[str, Any]
    """JSON: the figures behind it."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The findings of one comparison, summed up."""

    word: VerdictWord
    features: tuple[str, ...] = ()
    """Drifting features, the most severe first."""
    outputs: tuple[str, ...] = ()
    """Drifting outputs of the model, the most severe first."""
    severity: float = 0.0
    """Of the most severe stream; 1 is at the alarm threshold."""
    leading: Finding | None = None
    """The most severe of the drifting streams, a feature if one drifts."""
    evidence: dict[str, Any] = {}
    """JSON: the figures behind it, by the stream's name, the most severe first."""


NO_DATA = Verdict(word="no_data")


def sum_up(findings: Iterable[Finding], *, learning: bool) -> Verdict:
    """Make the verdict of a device from the findings on its streams.

    Args:
        findings: One for each stream.
        learning: Whether there are still too few windows to call the device stable.
    """
    ranked = sorted(findings, key=lambda finding: (-finding.severity, finding.name))
    drifting = [finding for finding in ranked if finding.drifts]
    features = [finding for finding in drifting if finding.role == "feature"]
    outputs = [finding for finding in drifting if finding.role == "output"]
    return Verdict(
        word="drift" if drifting else "learning" if learning else "stable",
        features=tuple(finding.name for finding in features),
        outputs=tuple(finding.name for finding in outputs),
        severity=ranked[0].severity if ranked else 0.0,
        leading=next(iter(features + outputs), None),
        evidence={finding.name: finding.evidence for finding in ranked},
    )
