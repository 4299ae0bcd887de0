"""``leeway-fleet drift``: which devices' data has moved, against what, and what that most likely is."""

from datetime import datetime
from typing import Annotated, Any

import typer

from fleet_server.commands.client import FleetClient, api
from fleet_server.commands.command import All, Labels, Limit, command, group, parse_labels
from fleet_server.commands.output import Answer, cell
from fleet_server.times import as_ms, parse_time

ModelFilter = Annotated[str | None, typer.Option("--model", help="Of this model only.")]

app = group("Drift verdicts of each device.")

COLUMNS = (
    "device_id",
    "model",
    "version",
    "own.verdict",
    "own.features",
    "peers.verdict",
    "peers.features",
    "training.verdict",
    "fleet.verdict",
)
CHANGE_COLUMNS = ("changed_ms", "device_id", "model", "kind", "verdict", "cause", "features", "outputs", "severity")

SIGN_OFF_COLUMNS = ("device_id", "stream", "channel", "score_sd", "difference", "false_discovery_rate")

ROWS_OF = ("device_id", "model", "verdict", "since_ms", "sentence", "looked_at")
ROW = ("row", "time_ms", "version")

COMPARISONS = ("own", "peers", "training", "fleet")
JUDGED = ("verdict", "features", "outputs", "severity", "since_ms", "cause")
LEADING = 3  # channels of a stream that a line has room for; --json shows all
SHOWN_SIZES = ("population_stability_index", "mean_shift_sd")


@command(app, "list")
def list_drift(
    client: FleetClient, *, model: ModelFilter = None, label: Labels = None, limit: Limit = 50, every: All = False
) -> Answer:
    """List the verdicts of all devices, or of those of a model or with all the given labels."""
    parse_labels(label)
    return Answer(client.list(api("drift"), limit=None if every else limit, model=model, label=label), COLUMNS)


@command(app, "changes")
def list_changes(
    client: FleetClient,
    *,
    model: ModelFilter = None,
    device: Annotated[str | None, typer.Option(help="Of this device only.")] = None,
    limit: Limit = 50,
    every: All = False,
) -> Answer:
    """List how verdicts changed, the last change first."""
    found = client.list(api("drift", "changes"), limit=None if every else limit, model=model, device_id=device)
    return Answer(found, CHANGE_COLUMNS)


@command(app, "show")
def show_drift(client: FleetClient, device_id: Annotated[str, typer.Argument(help="The device's id.")]) -> Answer:
    """Show one device's verdicts with their evidence."""
    body = client.get(api("devices", device_id, "drift"))
    return Answer(body, record=record_of(body))


@command(app, "rows")
def show_rows(
    client: FleetClient,
    device_id: Annotated[str, typer.Argument(help="The device's id.")],
    *,
    against: Annotated[str, typer.Option(help="The comparison: own, peers, training or fleet.")] = "own",
    limit: Limit = 50,
) -> Answer:
    """Show the sampled rows behind a verdict: what drifts in them, and what it contributed to the score."""
    body = client.get(api("devices", device_id, "drift", "rows"), kind=against, limit=limit)
    values = [
        {**{name: row[name] for name in ROW}, "stream": stream, **value}
        for row in body["rows"]
        for stream, value in row["streams"].items()
    ]
    return Answer(body, record={**{name: body[name] for name in ROWS_OF}, "rows": values})


@command(app, "sign-off")
def sign_off(  # noqa: PLR0913  (each is an option)
    client: FleetClient,
    model: Annotated[str, typer.Argument(help="The model's name.")],
    *,
    against: Annotated[str, typer.Option(help="The comparison: own, peers or training.")] = "own",
    false_discovery_rate: Annotated[float, typer.Option(help="Share of the findings that may be chance.")] = 0.05,
    at: Annotated[
        datetime | None,
        typer.Option(parser=parse_time, metavar="TIME", help="The last window that starts here or earlier; UTC."),
    ] = None,
    limit: Limit = 50,
) -> Answer:
    """Look once at a model's last judged window: exit code 1 if anything is more than chance, or nothing tells."""
    asked = {"against": against, "false_discovery_rate": false_discovery_rate, "at_ms": as_ms(at), "limit": limit}
    body = client.get(api("models", model, "drift", "sign-off"), **asked)
    looked = f"{body['found']} findings among {body['charts']} charts of {body['devices']} devices"
    window = cell("window_start_ms", body["window_start_ms"])
    note = f"{looked}, of which {body['not_compared']} could not be compared, in the window of {window}"
    is_signed = body["charts"] and not body["found"]
    return Answer(body, SIGN_OFF_COLUMNS, note=note, exit_code=0 if is_signed else 1)


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
    tolerance_sd: Annotated[
        float | None, typer.Option(help="The smallest difference that matters, in training standard deviations.")
    ] = None,
) -> Answer:
    """Show how a model's devices are judged; with an option, change it."""
    path = api("models", model, "drift", "policy")
    given = {"false_alarms": false_alarms, "group_label": group_label, "tolerance_sd": tolerance_sd}
    wanted = {name: value for name, value in given.items() if value is not None}
    return Answer(client.put(path, client.get(path)["own"] | wanted) if wanted else client.get(path))


def record_of(body: dict[str, Any]) -> dict[str, Any]:
    """Lay out a device's verdicts: each in words, a table of all, and a table of each one's evidence."""
    verdicts = {kind: body[kind] for kind in COMPARISONS}
    advised = {verdict["advice"] for verdict in verdicts.values() if verdict["advice"]}
    return {
        **{name: body[name] for name in ("device_id", "model", "version")},
        **{kind: verdict["sentence"] for kind, verdict in verdicts.items()},
        "advice": " ".join(sorted(advised)),
        "verdicts": [
            {"against": kind, **{name: verdict[name] for name in JUDGED}} for kind, verdict in verdicts.items()
        ],
        **{
            f"evidence, {kind}": [_channels(*item) for item in verdict["evidence"].items()]
            for kind, verdict in verdicts.items()
            if kind != "fleet"
        },
    }


def _channels(stream: str, found: dict[str, Any]) -> dict[str, Any]:
    channels, sizes = found["channels"], found["effect_sizes"]
    compared = [name for name, channel in channels.items() if channel["severity"] is not None]
    leading = sorted(compared, key=lambda name: -abs(channels[name]["severity"]))
    return {
        "stream": stream,
        "drifts_in": [name for name, channel in channels.items() if channel["drifts"]],
        "severity": {name: channels[name]["severity"] for name in leading[:LEADING]},
        **{name: sizes[name] for name in SHOWN_SIZES},
    }
