"""A verdict in plain words."""

from datetime import UTC, datetime

from fleet_server.drift.verdict import Finding, Kind, Verdict

_LEARNING = {
    "training": "{device} has sent too few windows to compare with training.",
    "peers": "{device} is still learning how it usually differs from its peers, or has too few of them.",
}
_STABLE = {
    "training": "What {device} sees agrees with training.",
    "peers": "{device} differs from its peers as it always did.",
}


def sentence(kind: Kind, device_id: str, verdict: Verdict, since_ms: int, unit: str) -> str:
    """Say what a verdict means.

    Args:
        kind: What the device was compared with.
        device_id: The device.
        verdict: The verdict.
        since_ms: Start of the window with which it began.
        unit: Unit of the leading stream; empty if it has none.
    """
    if verdict.word == "no_data":
        return f"{device_id} sends nothing while its peers do."
    if verdict.word == "drift" and verdict.leading is not None:
        day = datetime.fromtimestamp(since_ms / 1000, UTC).date()
        return _drift(kind, device_id, verdict, verdict.leading, unit) % day
    words = _STABLE if verdict.word == "stable" else _LEARNING
    return words[kind].format(device=device_id)


def _drift(kind: Kind, device_id: str, verdict: Verdict, leading: Finding, unit: str) -> str:
    amount = f"{abs(leading.shift):.3g}{' ' if unit else ''}{unit}".replace("%", "%%")
    direction = "above" if leading.shift >= 0 else "below"
    subject = f"{leading.name} of {device_id}".replace("%", "%%")
    if kind == "training":
        others = len(verdict.features) + len(verdict.outputs) - 1
        also = f", as do {others} of its other streams" if others > 1 else ", as does another" if others else ""
        return f"{subject} differs from training since %s{also}: its mean is now {amount} {direction}."
    cause = "an offset of this one sensor is likely" if verdict.features == (leading.name,) else _cause(verdict)
    return f"{subject} reads {amount} {direction} its usual distance from its peers since %s: {cause}."


def _cause(verdict: Verdict) -> str:
    if not verdict.features:
        return "its inputs agree with the peers, so look at the model on this device"
    return f"{len(verdict.features)} of its features have parted, so look at the device itself"
