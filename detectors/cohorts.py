"""Which devices are judged in one go: so many that medians are sharp, and so few that their arrays stay small.

A small group is judged whole, with others. A large one is judged in even parts, each against its own
median, which errs by some hundredths of their spread. The devices of a version that few have are
in one part of their group, since outputs are compared within one version.
"""

from typing import Final

import numpy as np

from detectors.arrays import Indices, Names, Places
from detectors.groups import index

MOST: Final = 2000
"""Devices of a group, and of a version in it, that are not split."""


def cohorts(groups: Names, versions: Names) -> Places:
    """Split the devices of a window; returns the places of each cohort's devices, ascending.

    Args:
        groups: (n,): each device's group.
        versions: (n,): each device's version.
    """
    cohort, filled = np.zeros(len(groups), np.intp), np.zeros(max(1, len(groups) // MOST), np.intp)
    for group in _largest_first(groups):
        own = _emptiest(filled, np.arange(len(filled)), len(group))
        for same in _largest_first(versions[group]):
            parts = _emptiest(filled, own, len(same))
            cohort[group[same]] = chosen = parts[np.arange(len(same)) % len(parts)]
            filled += np.bincount(chosen, minlength=len(filled))
    return [np.flatnonzero(cohort == place) for place in range(len(filled))]


def _largest_first(names: Names) -> Places:
    return sorted(index(names)[1], key=len, reverse=True)


def _emptiest(filled: Indices, cohorts: Indices, devices: int) -> Indices:
    """Return those of the cohorts that so many devices are split over."""
    return cohorts[np.argsort(filled[cohorts], kind="stable")[: max(1, devices // MOST)]]
