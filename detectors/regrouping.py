"""Other peers: what was learned by comparison with the earlier ones is forgotten, and nothing else."""

from dataclasses import replace

import numpy as np

from detectors.state import BY_GROUP, PEERS, DevicePasts, FleetPast


def among_others(pasts: DevicePasts) -> DevicePasts:
    """Return the pasts of devices that have other peers now: as if they had stood in their middle so far."""
    apart, apart_rows = np.zeros_like(pasts.apart), np.zeros_like(pasts.apart_rows)
    others = replace(pasts, apart=apart, apart_rows=apart_rows, alarmed=pasts.alarmed.copy())
    others.alarmed_against(PEERS)[:] = False
    return others


def without_groups(fleet: FleetPast) -> FleetPast:
    """Return what is known of all devices, and of no group of them."""
    return replace(fleet, groups=(), **{name: getattr(fleet, name)[:0] for name in BY_GROUP})
