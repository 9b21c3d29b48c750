"""Writes the audit log as a file people open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from lineshaft.security.model import AuditEntry

COLUMNS = (
    "seq", "at", "actor", "actor_id", "kind", "owner", "origin", "action", "subject", "outcome", "count",
    "before", "after", "hash",
)  # fmt: skip


async def as_csv(entries: AsyncIterator[AuditEntry]) -> AsyncIterator[str]:
    """The rows as CSV (RFC 4180), a piece at a time."""
    yield _line(COLUMNS)
    async for entry in entries:
        yield _line([_cell(getattr(entry, name)) for name in COLUMNS])


def _line(cells: Any) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        text = msgspec.json.encode(value).decode()
    else:
        text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    # A spreadsheet runs what begins like a formula; somebody may have chosen their name accordingly.
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
