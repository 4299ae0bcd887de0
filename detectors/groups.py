"""Which devices move together."""

from collections.abc import Sequence

import numpy as np

from detectors.arrays import Names, Places


def index(names: Sequence[str] | Names) -> tuple[tuple[str, ...], Places]:
    """Return the groups in order of their names, and the places of the devices of each.

    Args:
        names: The group of each device.
    """
    found, number = np.unique(np.asarray(names, np.str_), return_inverse=True)
    if not len(number):
        return (), []
    order = np.argsort(number, kind="stable")
    return tuple(found.tolist()), np.split(order, np.cumsum(np.bincount(number))[:-1])


def with_versions(groups: Names, versions: Names) -> Places:
    """Return the places of the devices of each group and version: only their outputs are alike."""
    return index([f"{version}\0{group}" for group, version in zip(groups.tolist(), versions.tolist(), strict=True)])[1]
