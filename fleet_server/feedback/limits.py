"""The limits that people set on custom metrics."""

from collections.abc import Mapping
from operator import eq

from sqlmodel import col, select

from fleet_server.audit.service import AuditService
from fleet_server.db import Database, bounds
from fleet_server.errors import InvalidRequestError, NotFoundError
from fleet_server.feedback.business import Limits
from fleet_server.feedback.tables import MetricLimitRow


class MetricLimits:
    """The limits of each model's custom metrics.

    Args:
        database: Where they are kept.
        audit: Is told of every change.
    """

    def __init__(self, database: Database, audit: AuditService) -> None:
        self._database = database
        self._audit = audit

    def of(self, model: str) -> Mapping[str, Limits]:
        """Return a model's limits, by metric in order of name."""
        query = select(MetricLimitRow).where(MetricLimitRow.model == model).order_by(col(MetricLimitRow.metric))
        with self._database.reading() as session:
            rows = session.exec(query).all()
        return {row.metric: Limits(row.below, row.above, row.minimum_count) for row in rows}

    def metrics(self, model: str | None) -> set[str]:
        """Return the custom metrics of a model that have limits; None: of every model."""
        query = select(MetricLimitRow.metric).where(*bounds((MetricLimitRow.model, eq, model))).distinct()
        with self._database.reading() as session:
            return set(session.exec(query))

    def put(self, actor: str, model: str, metric: str, limits: Limits) -> None:
        """Set the limits of a metric.

        Raises:
            InvalidRequestError: There is no limit, or no mean can keep both.
        """
        below, above = limits.below, limits.above
        if below is None and above is None:
            raise InvalidRequestError("give below, above, or both")
        if below is not None and above is not None and below > above:
            raise InvalidRequestError(f"no mean is at least {below} and at most {above}")
        with self._database.session() as session:
            session.merge(MetricLimitRow(model=model, metric=metric, **vars(limits)))
            self._audit.record(session, actor, "metric_limits.set", model, metric=metric, **vars(limits))

    def remove(self, actor: str, model: str, metric: str) -> None:
        """Remove the limits of a metric.

        Raises:
            NotFoundError: It has none.
        """
        with self._database.session() as session:
            row = session.get(MetricLimitRow, (model, metric))
            if row is None:
                raise NotFoundError(f"metric {metric[:80]!r} of model {model[:80]!r} has no limits")
            session.delete(row)
            self._audit.record(session, actor, "metric_limits.remove", model, metric=metric)
