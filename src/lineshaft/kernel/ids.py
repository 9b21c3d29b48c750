"""Ids that sort by the time they were made: UUID version 7 (RFC 9562, clause 5.7)."""

from __future__ import annotations

import uuid_utils


def new_id() -> str:
    """A fresh id as 32 hexadecimal digits; later ids sort after earlier ones."""
    return uuid_utils.uuid7().hex
