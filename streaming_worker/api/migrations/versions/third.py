"""Version 3: rules by which an edge is told of."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "alert_rules",
        sa.Column("rule_id", sa.String(16), primary_key=True),
        sa.Column("instrument", sa.String(120), nullable=True),
        sa.Column("pool", sa.String(120), nullable=True),
        sa.Column("direction", sa.String(20), nullable=True),
        sa.Column("least_edge_centibps", sa.Integer, nullable=False),
        sa.Column("open_ms", sa.Integer, nullable=False),
        sa.Column("severity", sa.String(10), nullable=False),
        sa.Column("cooldown_s", sa.Integer, nullable=False),
        sa.Column("is_on", sa.Boolean, nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("made_ns", sa.BigInteger, nullable=False),
        sa.Column("expires_ns", sa.BigInteger, nullable=True),
        sa.Column("fired_ns", sa.BigInteger, nullable=True),
    )


def downgrade() -> None:
    """Remove it, with what it holds."""
    op.drop_table("alert_rules")
