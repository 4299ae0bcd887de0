"""Sampling policies: kept, changed and asked for."""

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sqlmodel import Session, col, select

from device_contract.assignment import SamplingPolicy
from device_contract.canonical import canonical_json
from device_contract.names import is_name
from device_contract.samples import MAX_SAMPLED_ROWS
from fleet_server.audit.service import AuditService
from fleet_server.clock import Clock
from fleet_server.db import Database, existing
from fleet_server.devices.labels import check_labels
from fleet_server.devices.service import labels_of
from fleet_server.errors import InvalidRequestError
from fleet_server.sampling.policy import GroupPolicy, allowance
from fleet_server.sampling.tables import SamplingPolicyRow

MAX_REDACTED = 1000
MAX_REDACTED_BYTES = 6000
"""All the names that all policies redact: a device's assignment may have to name each of them."""
KEY_BYTES = 32
OnChange = Callable[[Session, Mapping[str, str]], None]
"""Told, in the transaction of the change, of the labels whose devices need another assignment."""


@dataclass(frozen=True, kw_only=True)
class PolicySpec:
    """What a policy says: ``GroupPolicy`` without its name and key."""

    labels: Mapping[str, str] = field(default_factory=dict)
    rows_per_window: int
    minimum_rows: int = 0
    redacted: Sequence[str] = ()
    explain: bool = False


class SamplingPolicies:
    """The policies by which devices may send rows.

    Args:
        database: Where they are kept.
        audit: Is told of every change.
        clock: Gives the present.
    """

    def __init__(self, database: Database, audit: AuditService, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock
        self._on_change: list[OnChange] = []

    def on_change(self, callback: OnChange) -> None:
        """Call back whenever a group's devices may send something else than before."""
        self._on_change.append(callback)

    def put(self, actor: str, name: str, spec: PolicySpec) -> SamplingPolicyRow:
        """Make a policy, or change one; its devices' assignments are signed anew.

        Raises:
            InvalidRequestError: The name, a label or a count is not allowed, or too much is redacted.
        """
        labels = _checked(name, spec)
        with self._database.session() as session:
            row = session.get(SamplingPolicyRow, name)
            before = dict(row.labels) if row is not None else labels
            row = session.merge(
                SamplingPolicyRow(
                    name=name,
                    labels=labels,
                    rows_per_window=spec.rows_per_window,
                    minimum_rows=spec.minimum_rows,
                    redacted=sorted(set(spec.redacted)),
                    explain=spec.explain,
                    key=row.key if row is not None else secrets.token_bytes(KEY_BYTES),
                    changed_ms=self._clock(),
                    changed_by=actor,
                )
            )
            session.flush()
            _check_size(session)
            told = row.model_dump(exclude={"name", "key", "changed_ms", "changed_by"})
            self._audit.record(session, actor, "sampling_policy.put", name, **told)
            self._tell(session, before, labels)
        return row

    def delete(self, actor: str, name: str) -> None:
        """End a policy: what its devices may send is what is left of the others.

        Raises:
            NotFoundError: There is no such policy.
        """
        with self._database.session() as session:
            row = existing(session, SamplingPolicyRow, name, "sampling policy")
            session.delete(row)
            self._audit.record(session, actor, "sampling_policy.delete", name)
            self._tell(session, row.labels)

    def get(self, name: str) -> SamplingPolicyRow:
        """Return a policy.

        Raises:
            NotFoundError: There is none of this name.
        """
        with self._database.reading() as session:
            return existing(session, SamplingPolicyRow, name, "sampling policy")

    def list(self, *, limit: int, after: str | None = None) -> Sequence[SamplingPolicyRow]:
        """Return policies in order of name."""
        query = select(SamplingPolicyRow).where(col(SamplingPolicyRow.name) > (after or ""))
        with self._database.reading() as session:
            return session.exec(query.order_by(col(SamplingPolicyRow.name)).limit(limit)).all()

    def allowed(self, session: Session, device_ids: Collection[str]) -> dict[str, SamplingPolicy | None]:
        """Return what each of these devices may send, by all the policies that fit it; None for nothing."""
        policies = [_group_policy(row) for row in session.exec(select(SamplingPolicyRow))]
        labels = labels_of(session, device_ids) if policies else {}
        return {device_id: allowance(policies, device_id, labels.get(device_id, {})) for device_id in device_ids}

    def _tell(self, session: Session, *groups: Mapping[str, str]) -> None:
        for callback in self._on_change:
            for labels in groups:
                callback(session, labels)


def _group_policy(row: SamplingPolicyRow) -> GroupPolicy:
    return GroupPolicy(
        name=row.name,
        labels=row.labels,
        rows_per_window=row.rows_per_window,
        minimum_rows=row.minimum_rows,
        redacted=tuple(row.redacted),
        explain=row.explain,
        key=row.key,
    )


def _check_size(session: Session) -> None:
    names = {name for row in session.exec(select(SamplingPolicyRow)) for name in row.redacted}
    size_bytes = sum(len(canonical_json(name)) for name in names)
    if size_bytes > MAX_REDACTED_BYTES:
        raise InvalidRequestError(f"the redacted names have {size_bytes} bytes, at most {MAX_REDACTED_BYTES} fit")


def _checked(name: str, spec: PolicySpec) -> dict[str, str]:
    if not is_name(name):
        raise InvalidRequestError(f"policy name {name[:80]!r}: use a-z, 0-9 and . _ -, at most 64")
    if not 0 <= spec.rows_per_window <= MAX_SAMPLED_ROWS or spec.minimum_rows < 0:
        raise InvalidRequestError(f"rows_per_window is from 0 to {MAX_SAMPLED_ROWS}, minimum_rows at least 0")
    if len(spec.redacted) > MAX_REDACTED:
        raise InvalidRequestError(f"{len(spec.redacted)} redacted features, at most {MAX_REDACTED}")
    return check_labels(spec.labels)
