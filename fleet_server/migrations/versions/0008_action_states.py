"""Finds and counts the actions of a deployment by their state."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Put an index by deployment and state in the place of that by state alone."""
    op.create_index("actions_by_state", "actions", ["deployment_id", "state", "wave", "id"], unique=False)
    op.drop_index("ix_actions_state", "actions")
