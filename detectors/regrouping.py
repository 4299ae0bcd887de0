"""Other peers: what was learned by comparison with the earlier ones is forgotten, and nothing else."""

from dataclasses import replace

import numpy as np

from detectors.state import PEERS, DevicePasts, FleetPast


def among_others(pasts: DevicePasts) -> DevicePasts:
    """Return the pasts of devices that have other peers now: as if they had stood in their middle so far."""
    alarmed = pasts.alarmed.copy()
    alarmed[:, PEERS * pasts.apart.shape[1] :] = False
    apart, apart_rows = np.zeros_like(pasts.apart), np.zeros_like(pasts.apart_rows)
    return replace(pasts, apart=apart, apart_rows=apart_rows, alarmed=alarmed)


def without_groups(fleet: FleetPast) -> FleetPast:
    """Return what is known of all devices, and of no group of them."""
    by_group = {name: getattr(fleet, name)[:0] for name in ("level", "seen", "squares", "steps")}
    return replace(fleet, groups=(), **by_group)
