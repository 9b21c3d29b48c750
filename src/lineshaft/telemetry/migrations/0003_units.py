"""What machines say of the units of series."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations


def upgrade(op: Operations) -> None:
    """Add the column."""
    op.add_column("telemetry_series", sa.Column("unit", sa.String(32), nullable=False, server_default=""))
