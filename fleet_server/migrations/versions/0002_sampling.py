"""Sampling: policies, and the rows that devices sent by them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "sampling_policies",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("rows_per_window", sa.Integer(), nullable=False),
        sa.Column("minimum_rows", sa.BigInteger(), nullable=False),
        sa.Column("redacted", sa.JSON(), nullable=False),
        sa.Column("explain", sa.Boolean(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "samples",
        sa.Column("device_id", sa.String(64), nullable=False),
        sa.Column("boot_id", sa.String(16), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("slot", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("bundle_sha256", sa.String(), nullable=False),
        sa.Column("window_start_ms", sa.BigInteger(), nullable=False),
        sa.Column("window_end_ms", sa.BigInteger(), nullable=False),
        sa.Column("rows_seen", sa.BigInteger(), nullable=False),
        sa.Column("first_row", sa.BigInteger(), nullable=False),
        sa.Column("last_row", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.LargeBinary(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "boot_id", "sequence"),
        sa.UniqueConstraint("ordinal"),
    )
    op.create_index("samples_by_model", "samples", ["model", "ordinal"], unique=False)
    op.create_index("samples_by_row", "samples", ["device_id", "last_row"], unique=False)
    op.create_index("ix_samples_received_ms", "samples", ["received_ms"], unique=False)
