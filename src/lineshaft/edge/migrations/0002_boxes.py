"""Which box runs a connection."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations


def upgrade(op: Operations) -> None:
    """Add the name; empty ones are claimed by the first box that starts."""
    for table in ("edge_connections", "edge_versions"):
        op.add_column(table, sa.Column("edge", sa.String(64), nullable=False, server_default=""))
