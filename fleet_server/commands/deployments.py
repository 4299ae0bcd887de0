"""``leeway-fleet deployments``: bring a version to devices in waves, and watch, hold or undo it."""

from typing import Annotated, Any

import typer

from fleet_server.commands.client import FleetClient, api
from fleet_server.commands.command import All, Labels, Limit, command, group, parse_labels
from fleet_server.commands.errors import UsageError
from fleet_server.commands.output import Answer
from fleet_server.commands.watching import follow

app = group("Deployments: create, watch, pause, resume, abort, roll back.")

DeploymentId = Annotated[str, typer.Argument(help="The deployment's id.")]

ACTION_COLUMNS = ("device_id", "wave", "state", "phase", "reason_code", "detail", "offered_ms", "ended_ms")
COLUMNS = ("id", "model", "version", "state", "reason", "created_by", "created_ms")


@command(app, "list")
def list_deployments(client: FleetClient, *, limit: Limit = 50, every: All = False) -> Answer:
    """List deployments, the newest first."""
    return Answer(client.list(api("deployments"), limit=None if every else limit), COLUMNS)


@command(app, "show")
def show_deployment(client: FleetClient, deployment_id: DeploymentId) -> Answer:
    """Show a deployment with its waves."""
    return Answer(client.get(api("deployments", deployment_id)))


@command(app, "actions")
def list_actions(
    client: FleetClient,
    deployment_id: DeploymentId,
    *,
    state: Annotated[str | None, typer.Option(help="Only those in this state, such as failed.")] = None,
    limit: Limit = 50,
    every: All = False,
) -> Answer:
    """List each device's part in a deployment, and why it failed."""
    page = client.list(api("deployments", deployment_id, "actions"), limit=None if every else limit, state=state)
    return Answer(page, ACTION_COLUMNS)


@command(app, "create")
def create_deployment(  # noqa: PLR0913  (one for each member of the request)
    client: FleetClient,
    *,
    model: Annotated[str, typer.Option(help="The model.")],
    version: Annotated[str, typer.Option(help="The version to bring.")],
    waves: Annotated[
        str,
        typer.Option(help="Waves, by commas: cumulative percentages or labels, such as 10,50,100 or site=north,100."),
    ],
    label: Labels = None,
    success_threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Least share of a wave that must succeed, 0 to 1.")
    ] = None,
    error_threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Largest share of failures that is borne, 0 to 1.")
    ] = None,
    soak_s: Annotated[int | None, typer.Option(min=0, help="Seconds between a wave's success and the next.")] = None,
    deployment_id: Annotated[
        str | None, typer.Option("--id", help="Its id; the same request with the same id is made once.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the waves' devices and change nothing.")] = False,
) -> Answer:
    """Bring a version to all devices, or to those that carry all the given labels."""
    body: dict[str, Any] = {
        "id": deployment_id,
        "model": model,
        "version": version,
        "target": {"labels": parse_labels(label)},
        "waves": parse_waves(waves),
        "success_threshold": success_threshold,
        "error_threshold": error_threshold,
        "soak_s": soak_s,
    }
    given = {name: value for name, value in body.items() if value is not None}
    return Answer(client.post(api("deployments"), given, dry_run=True if dry_run else None))


@command(app, "pause")
def pause_deployment(client: FleetClient, deployment_id: DeploymentId) -> Answer:
    """Start no further device until it is resumed."""
    return _apply(client, deployment_id, "pause")


@command(app, "resume")
def resume_deployment(client: FleetClient, deployment_id: DeploymentId) -> Answer:
    """Take a paused deployment on; a wave that did not pass is accepted as it is."""
    return _apply(client, deployment_id, "resume")


@command(app, "abort")
def abort_deployment(client: FleetClient, deployment_id: DeploymentId) -> Answer:
    """End it here: devices that have not finished get their earlier version back."""
    return _apply(client, deployment_id, "abort")


@command(app, "rollback")
def roll_back_deployment(client: FleetClient, deployment_id: DeploymentId) -> Answer:
    """End it and give each of its devices back what it had before."""
    return _apply(client, deployment_id, "rollback")


@command(app, "watch")
def watch_deployment(client: FleetClient, deployment_id: DeploymentId) -> Answer:
    """Follow a deployment until it ends; the exit code is 0 only if it finished."""
    return follow(client, deployment_id)


def _apply(client: FleetClient, deployment_id: str, verb: str) -> Answer:
    deployment = client.post(api("deployments", deployment_id, verb))
    return Answer(deployment, line=f"{deployment_id} is {deployment['state']}")


def parse_waves(text: str) -> list[dict[str, Any]]:
    """Read waves: each a cumulative percentage or a label.

    Raises:
        UsageError: A wave is neither.
    """
    return [_parse_wave(part.strip()) for part in text.split(",")]


def _parse_wave(text: str) -> dict[str, Any]:
    if "=" in text:
        return {"labels": parse_labels([text])}
    try:
        return {"percent": float(text)}
    except ValueError:
        raise UsageError(f"wave {text!r} is neither a percentage nor KEY=VALUE") from None
