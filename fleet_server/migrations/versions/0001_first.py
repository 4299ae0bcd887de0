"""The first schema."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table, room by room."""
    _create_audit()
    _create_auth()
    _create_devices()
    _create_bundles()
    _create_telemetry()
    _create_drift()
    _create_rollouts()


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("ordinal", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("ordinal"),
    )
    op.create_index("ix_audit_action", "audit", ["action"], unique=False)
    op.create_index("ix_audit_subject", "audit", ["subject"], unique=False)
    op.create_index("ix_audit_time_ms", "audit", ["time_ms"], unique=False)


def _create_auth() -> None:
    op.create_table(
        "api_tokens",
        sa.Column("token_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token_id"),
    )
    op.create_index("ix_api_tokens_sha256", "api_tokens", ["sha256"], unique=True)


def _create_devices() -> None:
    op.create_table(
        "devices",
        sa.Column("device_id", sa.String(64), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("profile", sa.String(), nullable=False),
        sa.Column("enrolled_ms", sa.BigInteger(), nullable=False),
        sa.Column("certificate_expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("online", sa.Boolean(), nullable=False),
        sa.Column("boot_id", sa.String(), nullable=False),
        sa.Column("agent_version", sa.String(), nullable=False),
        sa.Column("processor", sa.String(), nullable=False),
        sa.Column("last_seen_ms", sa.BigInteger(), nullable=True),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("reason_code", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("action_id", sa.String(), nullable=False),
        sa.Column("slots", sa.JSON(), nullable=False),
        sa.Column("rows_scored", sa.BigInteger(), nullable=False),
        sa.Column("outbox_reports", sa.BigInteger(), nullable=False),
        sa.Column("counters", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("device_id"),
    )
    op.create_table(
        "device_certificates",
        sa.Column("serial", sa.String(), nullable=False),
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("issued_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"],
            ["devices.device_id"],
        ),
        sa.PrimaryKeyConstraint("serial"),
    )
    op.create_index("ix_device_certificates_device_id", "device_certificates", ["device_id"], unique=False)
    op.create_index("ix_device_certificates_revoked_ms", "device_certificates", ["revoked_ms"], unique=False)
    op.create_table(
        "device_labels",
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"],
            ["devices.device_id"],
        ),
        sa.PrimaryKeyConstraint("device_id", "key"),
    )
    op.create_index("device_labels_by_value", "device_labels", ["key", "value"], unique=False)
    op.create_table(
        "enrollment_tokens",
        sa.Column("token_id", sa.String(), nullable=False),
        sa.Column("secret_sha256", sa.String(), nullable=False),
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("used_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("token_id"),
    )
    op.create_index("ix_enrollment_tokens_device_id", "enrollment_tokens", ["device_id"], unique=False)


def _create_bundles() -> None:
    op.create_table(
        "models",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("public_keys", sa.JSON(), nullable=False),
        sa.Column("threshold", sa.Integer(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "baselines",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.create_table(
        "bundles",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("profile", sa.String(), nullable=True),
        sa.Column("target_path", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("release_counter", sa.BigInteger(), nullable=False),
        sa.Column("baseline_sha256", sa.String(), nullable=False),
        sa.Column("manifest", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("published_ms", sa.BigInteger(), nullable=False),
        sa.Column("published_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["baseline_sha256"],
            ["baselines.sha256"],
        ),
        sa.ForeignKeyConstraint(
            ["model"],
            ["models.name"],
        ),
        sa.PrimaryKeyConstraint("sha256"),
        sa.UniqueConstraint("target_path"),
    )
    op.create_index("ix_bundles_baseline_sha256", "bundles", ["baseline_sha256"], unique=False)
    op.create_index("ix_bundles_model", "bundles", ["model"], unique=False)


def _create_telemetry() -> None:
    op.create_table(
        "reports",
        sa.Column("device_id", sa.String(64), nullable=False),
        sa.Column("boot_id", sa.String(16), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("slot", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("bundle_sha256", sa.String(), nullable=False),
        sa.Column("baseline_sha256", sa.String(), nullable=False),
        sa.Column("window_start_ms", sa.BigInteger(), nullable=False),
        sa.Column("window_end_ms", sa.BigInteger(), nullable=False),
        sa.Column("merged_windows", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("summary", sa.LargeBinary(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "boot_id", "sequence"),
        sa.UniqueConstraint("ordinal"),
    )
    op.create_index("reports_by_window", "reports", ["device_id", "model", "window_start_ms", "ordinal"], unique=False)
    op.create_index("reports_by_model", "reports", ["model", "window_start_ms", "ordinal"], unique=False)
    op.create_table(
        "telemetry_totals",
        sa.Column("device_id", sa.String(64), nullable=False),
        sa.Column("rows_scored", sa.BigInteger(), nullable=False),
        sa.Column("reports_ingested", sa.BigInteger(), nullable=False),
        sa.Column("last_window_end_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_received_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("device_id"),
    )
    op.create_table(
        "report_refusals",
        sa.Column("device_id", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("reports", sa.BigInteger(), nullable=False),
        sa.Column("first_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("window_start_ms", sa.BigInteger(), nullable=False),
        sa.Column("window_end_ms", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "reason"),
    )


def _create_drift() -> None:
    op.create_table(
        "drift_cursor",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "drift_waiting",
        sa.Column("ordinal", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=False),
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("baseline_sha256", sa.String(), nullable=False),
        sa.Column("summary_sha256", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("ordinal"),
    )
    op.create_index("drift_waiting_by_window", "drift_waiting", ["model", "start_ms", "end_ms"], unique=False)
    op.create_index("ix_drift_waiting_device_id", "drift_waiting", ["device_id"], unique=False)
    op.create_table(
        "drift_devices",
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("bundle_sha256", sa.String(), nullable=False),
        sa.Column("watermark_ms", sa.BigInteger(), nullable=False),
        sa.Column("window_ms", sa.BigInteger(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("judged_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "model"),
    )
    op.create_index("drift_devices_by_model", "drift_devices", ["model", "current", "device_id"], unique=False)
    _create_drift_pasts()
    _create_verdicts()
    op.create_table(
        "drift_policies",
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("false_alarms", sa.Float(), nullable=True),
        sa.Column("group_label", sa.String(), nullable=True),
        sa.Column("tolerance_sd", sa.Float(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["model"], ["models.name"]),
        sa.PrimaryKeyConstraint("model"),
    )


def _create_drift_pasts() -> None:
    op.create_table(
        "drift_groupings",
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("model"),
    )
    op.create_table(
        "drift_pasts",
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("half", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("baseline_sha256", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("group_label", sa.String(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("model", "device_id", "half"),
    )
    if op.get_bind().dialect.name == "postgresql":
        # every past is written with every window: as a whole in its row, and not compressed, at a quarter of the cost
        op.execute("ALTER TABLE drift_pasts ALTER COLUMN data SET STORAGE EXTERNAL")
        op.execute("ALTER TABLE drift_pasts SET (toast_tuple_target = 8160)")
    op.create_table(
        "drift_fleet_pasts",
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=False),
        sa.Column("group_label", sa.String(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("model", "reference"),
    )
    op.create_table(
        "drift_fleet_windows",
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("end_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("devices", sa.Integer(), nullable=False),
        sa.Column("judged_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("model", "reference", "start_ms", "end_ms"),
    )
    op.create_index("ix_drift_fleet_windows_judged_at_ms", "drift_fleet_windows", ["judged_at_ms"], unique=False)
    op.create_table(
        "drift_judged",
        sa.Column("ordinal", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("judged_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("ordinal"),
    )
    op.create_index("drift_judged_by_window", "drift_judged", ["model", "start_ms", "ordinal"], unique=False)
    op.create_index("drift_judged_by_device", "drift_judged", ["device_id", "model", "start_ms"], unique=False)


def _create_verdicts() -> None:
    op.create_table(
        "verdicts",
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("group", sa.String(), nullable=False),
        *_verdict_columns(),
        sa.PrimaryKeyConstraint("device_id", "model", "kind", "group"),
    )
    op.create_index("verdicts_by_model", "verdicts", ["model", "kind", "verdict"], unique=False)
    op.create_table(
        "verdict_changes",
        sa.Column("ordinal", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("group", sa.String(), nullable=False),
        sa.Column("verdict_before", sa.String(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        *_verdict_columns(),
        sa.PrimaryKeyConstraint("ordinal"),
    )
    op.create_index("verdict_changes_by_device", "verdict_changes", ["device_id", "model", "ordinal"], unique=False)
    op.create_index("verdict_changes_by_model", "verdict_changes", ["model", "ordinal"], unique=False)
    op.create_index("verdict_changes_by_kind", "verdict_changes", ["model", "kind", "ordinal"], unique=False)


def _verdict_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("features", sa.JSON(), nullable=False),
        sa.Column("outputs", sa.JSON(), nullable=False),
        sa.Column("severity", sa.Float(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("stream_since_ms", sa.JSON(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("sentence", sa.String(), nullable=False),
        sa.Column("advice", sa.String(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
    ]


def _create_rollouts() -> None:
    op.create_table(
        "deployments",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_deployments_state", "deployments", ["state"], unique=False)
    op.create_table(
        "waves",
        sa.Column("deployment_id", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=True),
        sa.Column("succeeded_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["deployment_id"],
            ["deployments.id"],
        ),
        sa.PrimaryKeyConstraint("deployment_id", "number"),
    )
    op.create_table(
        "actions",
        sa.Column("id", sa.String(160), nullable=False),
        sa.Column("deployment_id", sa.String(64), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("device_id", sa.String(64), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("reason_code", sa.String(512), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("previous_slots", sa.JSON(), nullable=False),
        sa.Column("offered_ms", sa.BigInteger(), nullable=True),
        sa.Column("began_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["deployment_id"],
            ["deployments.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("actions_by_deployment", "actions", ["deployment_id", "id"], unique=False)
    op.create_index("ix_actions_device_id", "actions", ["device_id"], unique=False)
    op.create_index("ix_actions_state", "actions", ["state"], unique=False)
    op.create_table(
        "assignments",
        sa.Column("device_id", sa.String(64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("action_id", sa.String(160), nullable=False),
        sa.Column("slots", sa.JSON(), nullable=False),
        sa.Column("committed_slots", sa.JSON(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("issued_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("device_id"),
    )
    op.create_index("ix_assignments_due_ms", "assignments", ["due_ms"], unique=False)
