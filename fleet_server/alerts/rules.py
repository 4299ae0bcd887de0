"""What a change of a verdict means for the alerts (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["information", "warning", "critical"]

CRITICAL_SEVERITY = 3.0
"""A shift that is three times as far as the alarm threshold."""


@dataclass(frozen=True)
class OpenAlert:
    """An alert shall be open, and say this."""

    severity: Severity
    features: Sequence[str]
    sentence: str


@dataclass(frozen=True)
class CloseAlert:
    """An open alert shall be closed."""

    sentence: str


def decide(
    kind: str, verdict: str, severity: float, streams: Sequence[str], sentence: str
) -> OpenAlert | CloseAlert | None:
    """Decide what follows from a verdict.

    Silence is no proof of health: a device that sends nothing leaves its alert as it is.

    Args:
        kind: ``training`` or ``peers``.
        verdict: The verdict's word.
        severity: 1 is at the alarm threshold.
        streams: The drifting streams, the most severe first.
        sentence: The verdict in words.

    Returns:
        What shall be; ``None`` if all stays as it is.
    """
    if verdict == "drift":
        return OpenAlert(_severity(kind, severity), list(streams), sentence)
    return CloseAlert(sentence) if verdict == "stable" else None


def _severity(kind: str, severity: float) -> Severity:
    if kind == "training":  # season and weather look like this, on every device alike
        return "information"
    return "critical" if severity >= CRITICAL_SEVERITY else "warning"
