"""Which device belongs to which wave: fixed when the deployment is made, and reproducible.

Devices stand in an order that depends on nothing but the deployment's id and their
own: within each profile by a salted hash, and the profiles mixed evenly, so that every
percentage holds about its share of each profile. A percentage counts all members up
to and including its wave.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from device_contract.canonical import sha256_hex


@dataclass(frozen=True)
class Member:
    """A device as membership sees it."""

    device_id: str
    profile: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class WaveRule:
    """Who belongs to a wave: a cumulative percentage, or the devices with these labels.

    Args:
        percent: Share of all members in this wave and those before it, 1 to 100.
        labels: Labels that a device must have, all of them; used if ``percent`` is ``None``.
    """

    percent: float | None
    labels: Mapping[str, str] = field(default_factory=dict)


def order(deployment_id: str, members: Iterable[Member]) -> list[Member]:
    """Return the members in the order in which waves take them."""
    strata: dict[str, list[tuple[str, Member]]] = defaultdict(list)
    for member in members:
        salted = sha256_hex(f"{deployment_id}/{member.device_id}".encode())
        strata[member.profile].append((salted, member))
    places: list[tuple[float, str, Member]] = []
    for stratum in strata.values():
        ranked = sorted(stratum, key=lambda pair: pair[0])
        places += [((rank + 0.5) / len(ranked), salted, member) for rank, (salted, member) in enumerate(ranked)]
    return [member for _, _, member in sorted(places, key=lambda place: place[:2])]


def divide(deployment_id: str, members: Iterable[Member], rules: Sequence[WaveRule]) -> list[list[str]]:
    """Return the device ids of each wave; a device is in the first wave that takes it, or in none."""
    waiting = order(deployment_id, members)
    total = len(waiting)
    waves: list[list[str]] = []
    for rule in rules:
        taken = _take(waiting, rule, total)
        waves.append([member.device_id for member in taken])
        chosen = set(waves[-1])
        waiting = [member for member in waiting if member.device_id not in chosen]
    return waves


def _take(waiting: Sequence[Member], rule: WaveRule, total: int) -> Sequence[Member]:
    if rule.percent is not None:
        goal = ceil(total * rule.percent / 100)
        return waiting[: max(0, goal - (total - len(waiting)))]
    return [member for member in waiting if rule.labels.items() <= member.labels.items()]
