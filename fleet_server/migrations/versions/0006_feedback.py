"""Labels, the windows that they are about, and limits of custom metrics."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the tables of the feedback room."""
    _create_labels()
    _create_windows()
    op.create_table(
        "feedback_refusals",
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("device_id", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("labels", sa.BigInteger(), nullable=False),
        sa.Column("first_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("model", "device_id", "reason"),
    )
    op.create_index("ix_feedback_refusals_device_id", "feedback_refusals", ["device_id"], unique=False)
    op.create_table(
        "metric_limits",
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("metric", sa.String(64), nullable=False),
        sa.Column("below", sa.Float(), nullable=True),
        sa.Column("above", sa.Float(), nullable=True),
        sa.Column("minimum_count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("model", "metric"),
    )


def _create_labels() -> None:
    op.create_table(
        "feedback_labels",
        sa.Column("device_id", sa.String(64), nullable=False),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("key", sa.String(24), nullable=False),
        sa.Column("row", sa.BigInteger(), nullable=True),
        sa.Column("time_ms", sa.BigInteger(), nullable=True),
        sa.Column("label", sa.Float(), nullable=False),
        sa.Column("prediction", sa.Float(), nullable=True),
        sa.Column("outputs", sa.LargeBinary(), nullable=False),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("window_start_ms", sa.BigInteger(), nullable=True),
        sa.Column("window_end_ms", sa.BigInteger(), nullable=True),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("corrections", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "model", "version", "key"),
    )
    by_window = ["device_id", "model", "version", "window_start_ms"]
    op.create_index("feedback_labels_by_window", "feedback_labels", by_window, unique=False)
    op.create_index("feedback_labels_waiting", "feedback_labels", ["device_id", "reason", "time_ms"], unique=False)
    waiting = sa.text("reason <> ''")
    op.create_index(
        "feedback_labels_by_age", "feedback_labels", ["received_ms"], sqlite_where=waiting, postgresql_where=waiting
    )


def _create_windows() -> None:
    op.create_table(
        "feedback_windows",
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("device_id", sa.String(64), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("end_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("baseline_sha256", sa.String(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("rows_beyond", sa.BigInteger(), nullable=False),
        sa.Column("score_counts", sa.JSON(), nullable=False),
        sa.Column("metrics", sa.LargeBinary(), nullable=False),
        sa.Column("labelled", sa.BigInteger(), nullable=False),
        sa.Column("sums", sa.LargeBinary(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("model", "version", "device_id", "start_ms", "end_ms"),
    )
    by_time, labelled = ["model", "start_ms", "device_id"], sa.text("labelled > 0")
    op.create_index("feedback_windows_by_time", "feedback_windows", by_time, unique=False)
    op.create_index("feedback_windows_by_device", "feedback_windows", ["model", "device_id", "start_ms"], unique=False)
    op.create_index(
        "feedback_windows_labelled", "feedback_windows", by_time, sqlite_where=labelled, postgresql_where=labelled
    )
    op.create_index("ix_feedback_windows_changed", "feedback_windows", ["changed"], unique=False)
    op.create_index("ix_feedback_windows_received_ms", "feedback_windows", ["received_ms"], unique=False)
    op.create_table(
        "feedback_forgotten",
        sa.Column("device_id", sa.String(64), nullable=False),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("through_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "model", "version"),
    )
    cursor = op.create_table(
        "feedback_cursor",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("changes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    # there from the start, for writers to lock
    op.bulk_insert(cursor, [{"name": "reports", "ordinal": 0, "changes": 0}])
