"""Deletes old rows: whole partitions where everything in them is old, else single rows of some series."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from .engine import Engine
from .schema import LEAVING, ROLLUPS, SAMPLES, moment

TABLES = {0: SAMPLES, **ROLLUPS}
"""Table of each level by its width in seconds; 0 are the raw rows."""


def forget_partitions(engine: Engine, level: int, before: int) -> int:
    """Drop the partitions that end before a time (s since 1970); returns how many."""
    table = TABLES[level]
    query = (
        "SELECT DISTINCT partition FROM system.parts "
        "WHERE active AND database = currentDatabase() AND table = {table:String}"
    )
    rows = engine.rows(query, {"table": table})
    old = [name for (name,) in rows if _end(name) <= before]
    for name in old:
        engine.command(f"ALTER TABLE {table} DROP PARTITION {int(name)} SETTINGS max_execution_time = 0")
    return len(old)


def forget_rows(engine: Engine, level: int, series: Sequence[int] | None, before: int) -> bool:
    """Delete the rows of some series (None: of all) from before a time; returns whether there were any."""
    table = TABLES[level]
    where = f"bucket < toDateTime({before}, 'UTC')" if level else f"ts < {moment(before)}"
    if series is not None:
        engine.command(f"TRUNCATE TABLE {LEAVING}")
        engine.insert(LEAVING, pa.table({"series": np.array(series, dtype=np.uint64)}))
        where += f" AND series IN (SELECT series FROM {LEAVING})"
    if not engine.rows(f"SELECT 1 FROM {table} WHERE {where} LIMIT 1 SETTINGS max_execution_time = 0"):
        return False
    engine.command(f"DELETE FROM {table} WHERE {where} SETTINGS max_execution_time = 0")
    return True


def _end(partition: str) -> int:
    """When a partition named 202601 or 2026 ends."""
    year, month = int(partition[:4]), int(partition[4:] or 12)
    year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp())
