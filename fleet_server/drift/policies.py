"""How a model's devices are judged: the one knob, who is whose peer, and what does not matter.

The knob is the number of false alarms that are borne, for each 1000 devices a month. Which
level of the control charts follows from it is the detectors' business
(``detectors.limits``), and so is what a tolerance means in each channel
(``detectors.tolerances``). A model without a word of its own has the server's defaults.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlmodel import select

from detectors import DEFAULT_RATE
from fleet_server.audit.service import AuditService
from fleet_server.clock import Clock
from fleet_server.db import Database
from fleet_server.drift.tables import DriftPolicyRow
from fleet_server.settings import Settings


@dataclass(frozen=True)
class DriftPolicy:
    """How a model's devices are judged.

    Attributes:
        false_alarms: Expected for each 1000 devices a month, over the verdicts that page.
        group_label: Devices with the same value of this label are peers; empty: all are.
        tolerance_sd: The smallest difference that matters, in training standard deviations.
    """

    false_alarms: float
    group_label: str
    tolerance_sd: float = 0.0


def default_policy(settings: Settings) -> DriftPolicy:
    """Return the policy of models that have none of their own."""
    rate = settings.drift_false_alarms
    return DriftPolicy(DEFAULT_RATE if rate is None else rate, settings.drift_group_label)


class PolicyService:
    """The policies of all models.

    Args:
        database: Where they are kept.
        audit: Is told of every change.
        clock: Gives the present.
        defaults: The server's own policy, for models that have none.
    """

    def __init__(self, database: Database, audit: AuditService, clock: Clock, defaults: DriftPolicy) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock
        self.defaults = defaults

    def get(self, model: str) -> DriftPolicy:
        """Return the policy under which a model is judged."""
        row = self.own(model)
        if row is None:
            return self.defaults
        return DriftPolicy(
            false_alarms=self.defaults.false_alarms if row.false_alarms is None else row.false_alarms,
            group_label=self.defaults.group_label if row.group_label is None else row.group_label,
            tolerance_sd=row.tolerance_sd,
        )

    def group_labels(self, models: Collection[str]) -> Mapping[str, str]:
        """Return the label that makes the peers' groups of each of these models."""
        query = select(DriftPolicyRow.model, DriftPolicyRow.group_label)
        with self._database.reading() as session:
            own = {model: label for model, label in session.exec(query) if label is not None}
        return {model: own.get(model, self.defaults.group_label) for model in models}

    def own(self, model: str) -> DriftPolicyRow | None:
        """Return what a model says for itself, if it does."""
        with self._database.reading() as session:
            return session.get(DriftPolicyRow, model)

    def set(
        self, actor: str, model: str, *, false_alarms: float | None, group_label: str | None, tolerance_sd: float
    ) -> None:
        """Change a model's policy from its next window on; what was learned of its devices stays.

        With another label what was said of peers and groups is taken back, and learned anew.

        Args:
            actor: For the audit log.
            model: A known model.
            false_alarms: For each 1000 devices a month; None: the server's default.
            group_label: A label's key, or empty for one group of all; None: the server's default.
            tolerance_sd: The smallest difference that matters, in training standard deviations.
        """
        row = DriftPolicyRow(
            model=model,
            false_alarms=false_alarms,
            group_label=group_label,
            tolerance_sd=tolerance_sd,
            changed_ms=self._clock(),
            changed_by=actor,
        )
        told = row.model_dump(include={"false_alarms", "group_label", "tolerance_sd"})
        with self._database.session() as session:
            session.merge(row)
            self._audit.record(session, actor, "drift.policy", model, **told)
