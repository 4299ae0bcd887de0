"""What rollouts tell as signals: a deployment that needs a person."""

from dataclasses import dataclass

from fleet_server.alerts.readings import Reading, Signal

SIGNAL = Signal("deployment.paused", "1 when a deployment pauses by itself, 0 when a person has seen to it")


@dataclass(frozen=True)
class DeploymentAlert:
    """What a rollout has to tell."""

    deployment_id: str
    model: str
    version: str
    sentence: str
    is_over: bool = False


def reading_of(alert: DeploymentAlert, now_ms: int) -> Reading:
    """Make a reading of what a rollout tells."""
    return Reading(
        signal=SIGNAL.name,
        subject=alert.deployment_id,
        value=0 if alert.is_over else 1,
        time_ms=now_ms,
        sentence=alert.sentence,
        model=alert.model,
        version=alert.version,
        deployment_id=alert.deployment_id,
    )
