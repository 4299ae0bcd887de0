"""Following a deployment: a line on standard error for each change, the end as the answer."""

import time
from typing import Any

import typer

from fleet_server.commands.client import FleetClient, api
from fleet_server.commands.errors import CommandError
from fleet_server.commands.output import Answer

POLL_S = 1.0
ENDED = ("finished", "aborted", "rolled_back")


def follow(client: FleetClient, deployment_id: str) -> Answer:
    """Read a deployment again and again until it has ended."""
    told = ""
    while True:
        deployment = client.get(api("deployments", deployment_id))
        line = describe(deployment)
        if line != told:
            typer.echo(line, err=True)
            told = line
        if deployment["state"] in ENDED:
            code = 0 if deployment["state"] == "finished" else CommandError.exit_code
            return Answer(deployment, line=f"{deployment_id} is {deployment['state']}", exit_code=code)
        time.sleep(POLL_S)


def describe(deployment: dict[str, Any]) -> str:
    """Say in one line where a deployment and its waves stand."""
    waves = "; ".join(_describe_wave(wave) for wave in deployment["waves"])
    reason = f" ({deployment['reason']})" if deployment.get("reason") else ""
    return f"{deployment['state']}{reason}: {waves}"


def _describe_wave(wave: dict[str, Any]) -> str:
    counts = ", ".join(f"{count} {state}" for state, count in wave["counts"].items())
    return f"wave {wave['number']} {wave['state']}" + (f", {counts}" if counts else "")
