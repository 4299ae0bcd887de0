"""Where in the season a window lies: the same hours of different days are alike."""

from typing import Final

MOST_PHASES: Final = 24


def phases_of(season_ms: int, window_ms: int) -> int:
    """Return into how many phases windows of a length divide a season; 1 if they span whole seasons."""
    if window_ms <= 0 or window_ms >= season_ms or season_ms % window_ms:
        return 1
    return min(season_ms // window_ms, MOST_PHASES)


def phase_of(start_ms: int, season_ms: int, phases: int) -> int:
    """Return the phase, from 0, in which a window starts."""
    return start_ms % season_ms * phases // season_ms
