"""The operator's command line: each command is one or a few calls of the REST interface.

It needs a server's address, a token and the fleet's CA, and nothing of the server's own
packages. The guide is ``docs/guides/fleet-cli.md``.
"""

import typer

from fleet_server.commands import (
    alerts,
    audit,
    compare,
    deployments,
    devices,
    drift,
    feedback,
    incidents,
    models,
    performance,
    receivers,
    report,
    retraining,
    rules,
    sampling,
    silences,
    tokens,
)

GROUPS = {
    "devices": devices.app,
    "models": models.app,
    "deployments": deployments.app,
    "drift": drift.app,
    "feedback": feedback.app,
    "performance": performance.app,
    "compare": compare.app,
    "sampling": sampling.app,
    "alerts": alerts.app,
    "incidents": incidents.app,
    "rules": rules.app,
    "silences": silences.app,
    "receivers": receivers.app,
    "retraining": retraining.app,
    "report": report.app,
    "tokens": tokens.app,
    "audit": audit.app,
}


def add_commands(app: typer.Typer) -> None:
    """Add the groups of commands to ``leeway-fleet``."""
    for name, group in GROUPS.items():
        app.add_typer(group, name=name)
