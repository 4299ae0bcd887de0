"""``leeway-fleet devices``: who is in the fleet."""

from typing import Annotated

import typer

from fleet_server.commands.client import FleetClient, api
from fleet_server.commands.command import All, Labels, Limit, command, group, parse_labels
from fleet_server.commands.output import Answer

app = group("Devices: list, label, enrol, revoke.")

DeviceId = Annotated[str, typer.Argument(help="The device's id.")]

COLUMNS = (
    "device_id",
    "state",
    "online",
    "profile",
    "labels",
    "slots.model",
    "slots.version",
    "phase",
    "rows_scored",
    "last_seen_ms",
)


@command(app, "list")
def list_devices(client: FleetClient, *, label: Labels = None, limit: Limit = 50, every: All = False) -> Answer:
    """List devices, or those that carry all the given labels."""
    parse_labels(label)
    return Answer(client.list(api("devices"), limit=None if every else limit, label=label), COLUMNS)


@command(app, "show")
def show_device(client: FleetClient, device_id: DeviceId) -> Answer:
    """Show one device."""
    return Answer(client.get(api("devices", device_id)))


@command(app, "refusals")
def list_refusals(client: FleetClient, device_id: DeviceId) -> Answer:
    """Tell which of a device's reports were refused or not judged, and what to do."""
    body = client.get(api("devices", device_id, "refusals"))
    return Answer(body, line="" if body["refusals"] else f"nothing was wrong with the reports of {device_id}")


@command(app, "label")
def label_device(
    client: FleetClient,
    device_id: DeviceId,
    labels: Annotated[list[str], typer.Argument(metavar="KEY=VALUE...", help="All the labels it shall have.")],
) -> Answer:
    """Give a device these labels, in place of those that it has."""
    return Answer(client.patch(api("devices", device_id), {"labels": parse_labels(labels)}))


@command(app, "revoke")
def revoke_device(client: FleetClient, device_id: DeviceId) -> Answer:
    """Take a device's access away for good: its certificate is revoked, its connection cut."""
    return Answer(client.post(api("devices", device_id, "revoke")), line=f"{device_id} is revoked")


@command(app, "enroll-token")
def create_enrollment_token(
    client: FleetClient,
    device_id: DeviceId,
    label: Labels = None,
    valid_s: Annotated[int | None, typer.Option(min=1, help="Seconds that it is valid; the server's default.")] = None,
) -> Answer:
    """Make the one-time token with which a device enrols; it alone goes to standard output."""
    body = {"device_id": device_id, "labels": parse_labels(label), "valid_s": valid_s}
    answer = client.post(api("enrollment-tokens"), {name: value for name, value in body.items() if value is not None})
    return Answer(
        answer,
        line=answer["token"],
        note=f"run on the device: leeway-agent enroll --server {client.server} --token TOKEN",
    )
