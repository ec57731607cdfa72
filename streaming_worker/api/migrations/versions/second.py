"""Version 2: proposals of looser limits, tags and notes of trades, visits, reports sent by hand."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "limit_proposals",
        sa.Column("proposal_id", sa.String(32), primary_key=True),
        sa.Column("asked_ns", sa.BigInteger, nullable=False),
        sa.Column("user_id", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("limits", sa.Text, nullable=False),
        sa.Column("minutes", sa.Integer, nullable=True),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("decided_ns", sa.BigInteger, nullable=True),
        sa.Column("decided_by", sa.String(64), nullable=True),
    )
    op.create_table(
        "trade_tags",
        sa.Column("trade_id", sa.String(120), primary_key=True),
        sa.Column("tag", sa.String(40), primary_key=True),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "trade_notes",
        sa.Column("note_id", sa.String(32), primary_key=True),
        sa.Column("trade_id", sa.String(120), nullable=False, index=True),
        sa.Column("user_id", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_table(
        "visits",
        sa.Column("user_id", sa.String(32), sa.ForeignKey("users.user_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("seen_ns", sa.BigInteger, nullable=False),
        sa.Column("left_ns", sa.BigInteger, nullable=True),
    )
    op.create_table(
        "report_sends",
        sa.Column("send_id", sa.String(64), primary_key=True),
        sa.Column("period", sa.String(40), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("detail", sa.Text, nullable=True),
    )


def downgrade() -> None:
    """Remove them, with what they hold."""
    for table in ("report_sends", "visits", "trade_notes", "trade_tags", "limit_proposals"):
        op.drop_table(table)
