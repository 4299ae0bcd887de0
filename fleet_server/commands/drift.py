"""``leeway-fleet drift``: which devices' data has moved, against training and against their peers."""

from typing import Annotated, Any

import typer

from fleet_server.commands.client import FleetClient, api
from fleet_server.commands.command import All, Limit, command, group
from fleet_server.commands.output import Answer

app = group("Drift verdicts of each device.")

COLUMNS = (
    "device_id",
    "model",
    "version",
    "training.verdict",
    "training.features",
    "peers.verdict",
    "peers.features",
)

COMPARISONS = ("training", "peers")
JUDGED = ("verdict", "features", "outputs", "severity", "since_ms")
SHOWN_SIZES = ("population_stability_index", "mean_shift_sd")


@command(app, "list")
def list_drift(client: FleetClient, *, limit: Limit = 50, every: All = False) -> Answer:
    """List the verdicts of all devices."""
    return Answer(client.list(api("drift"), limit=None if every else limit), COLUMNS)


@command(app, "show")
def show_drift(client: FleetClient, device_id: Annotated[str, typer.Argument(help="The device's id.")]) -> Answer:
    """Show one device's verdicts with their evidence."""
    body = client.get(api("devices", device_id, "drift"))
    return Answer(body, record=record_of(body))


@command(app, "policy")
def set_policy(
    client: FleetClient,
    model: Annotated[str, typer.Argument(help="The model's name.")],
    false_alarms: Annotated[
        float | None, typer.Option(help="False alarms that are borne, for each 1000 devices a month.")
    ] = None,
    group_label: Annotated[
        str | None, typer.Option(help="Label whose value makes the peers; empty: all devices are.")
    ] = None,
) -> Answer:
    """Show how a model's devices are judged; with an option, change it."""
    path = api("models", model, "drift", "policy")
    given = {"false_alarms": false_alarms, "group_label": group_label}
    wanted = {name: value for name, value in given.items() if value is not None}
    return Answer(client.put(path, client.get(path)["own"] | wanted) if wanted else client.get(path))


def record_of(body: dict[str, Any]) -> dict[str, Any]:
    """Lay out a device's verdicts: both in words, a table of both, and a table of each one's evidence."""
    verdicts = {kind: body[kind] for kind in COMPARISONS}
    return {
        **{name: body[name] for name in ("device_id", "model", "version")},
        **{kind: verdict["sentence"] for kind, verdict in verdicts.items()},
        "verdicts": [
            {"against": kind, **{name: verdict[name] for name in JUDGED}} for kind, verdict in verdicts.items()
        ],
        "evidence against training": [_channels(*item) for item in body["training"]["evidence"].items()],
        "evidence against peers": [{"stream": name, **found} for name, found in body["peers"]["evidence"].items()],
    }


def _channels(stream: str, found: dict[str, Any]) -> dict[str, Any]:
    channels = found["channels"]
    sizes = found.get("effect_sizes", {})  # none for a window without a finite value
    return {
        "stream": stream,
        "drifts_in": [name for name, channel in channels.items() if channel["drifts"]],
        **{name: channel["value"] for name, channel in channels.items()},
        "threshold": max((channel["threshold"] for channel in channels.values()), default=None),
        "effective_rows": found.get("effective_rows"),
        **{name: sizes.get(name) for name in SHOWN_SIZES},
    }
