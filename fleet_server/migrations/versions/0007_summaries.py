"""Who gets summaries."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the table of the subscriptions."""
    op.create_table(
        "summary_subscriptions",
        sa.Column("subscription_id", sa.String(), nullable=False),
        sa.Column("receiver", sa.String(64), nullable=False),
        sa.Column("model", sa.String(), nullable=True),
        sa.Column("every", sa.String(), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["receiver"], ["receivers.name"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("subscription_id"),
    )
    op.create_index("ix_summary_subscriptions_receiver", "summary_subscriptions", ["receiver"], unique=False)
