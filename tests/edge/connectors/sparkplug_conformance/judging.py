"""Which check judges which id of the official kit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .playing import Evidence

CHECKS: dict[str, Callable[[Evidence], None]] = {}


MORE: dict[str, Callable[[Evidence], None]] = {}


def judges(*ids: str, into: dict[str, Callable[[Evidence], None]] = CHECKS) -> Callable[[Any], Any]:
    def note(check: Callable[[Evidence], None]) -> Callable[[Evidence], None]:
        for name in ids:
            assert name not in into, name
            into[name] = check
        return check

    return note
