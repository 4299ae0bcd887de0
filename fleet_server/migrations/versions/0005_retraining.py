"""Requests to train a model anew."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_IS_LIVE = sa.text("state IN ('open', 'accepted')")


def upgrade() -> None:
    """Create the tables of the requests."""
    op.create_table(
        "retraining_requests",
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("opened_by", sa.String(), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.String(), nullable=True),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["model"], ["models.name"]),
        sa.PrimaryKeyConstraint("request_id"),
    )
    op.create_index("ix_retraining_requests_model", "retraining_requests", ["model"], unique=False)
    op.create_index(
        "one_live_request",
        "retraining_requests",
        ["model"],
        unique=True,
        sqlite_where=_IS_LIVE,
        postgresql_where=_IS_LIVE,
    )
    op.create_table(
        "retraining_causes",
        sa.Column("incident_id", sa.String(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.incident_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["request_id"], ["retraining_requests.request_id"]),
        sa.PrimaryKeyConstraint("incident_id"),
    )
    op.create_index("ix_retraining_causes_request_id", "retraining_causes", ["request_id"], unique=False)
