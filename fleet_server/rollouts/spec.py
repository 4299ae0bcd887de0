"""What a deployment is asked to do, and what it tells when it stops by itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from fleet_server.errors import InvalidRequestError
from fleet_server.rollouts.membership import WaveRule
from fleet_server.rollouts.policy import Thresholds


@dataclass(frozen=True)
class DeploymentSpec:
    """This version of a model, to these devices, in these waves.

    Args:
        model: The model's name.
        version: A published version of it.
        target_labels: Labels that its devices have, all of them; empty for every device.
        waves: Who comes when.
        thresholds: When a wave has passed, and when it stops.
    """

    model: str
    version: str
    target_labels: Mapping[str, str] = field(default_factory=dict)
    waves: tuple[WaveRule, ...] = (WaveRule(100),)
    thresholds: Thresholds = field(default_factory=Thresholds)

    def check(self) -> None:
        """Refuse waves that cannot be meant.

        Raises:
            InvalidRequestError: There is no wave, or the percentages do not rise.
        """
        percents = [wave.percent for wave in self.waves if wave.percent is not None]
        if not self.waves:
            raise InvalidRequestError("a deployment needs at least one wave")
        if any(later <= earlier for earlier, later in pairwise(percents)):
            raise InvalidRequestError("the percentages of the waves must rise: each counts the waves before it")


@dataclass(frozen=True)
class RolloutAlert:
    """A deployment has paused by itself, or is paused no longer."""

    deployment_id: str
    model: str
    version: str
    wave: int
    reason: str
    detail: str
    is_over: bool = False
    """A person has resumed or ended it."""
