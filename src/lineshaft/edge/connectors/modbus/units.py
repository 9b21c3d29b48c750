"""Keeps which units behind a link answer; silent ones are asked less and less.

A link is often a gateway with thirty units behind it. One that is switched off must cost the
others nothing: after its first silence it is left out of polls and asked alone, 1 s later, then
2 s, 4 s … up to a limit, each wait stretched or shortened by up to a fifth so that many silent units do not
come due together.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from dataclasses import dataclass

from lineshaft.kernel.terms import Quality

FIRST_WAIT_S = 1.0


@dataclass(slots=True, kw_only=True)
class UnitState:
    """How one unit has been."""

    failures: int = 0
    retry_at: float = 0.0
    """Monotonic seconds; 0 while the unit answers."""
    quality: Quality = Quality.BAD_NOT_CONNECTED
    message: str = ""
    hint: str = ""
    slowest_s: float = 0.0
    """Recent longest answer; fades by a twentieth with each answer."""


class Units:
    """The state of every unit behind one link."""

    def __init__(self, *, longest_wait_s: float) -> None:
        self._longest_wait_s = longest_wait_s
        self._states: dict[int, UnitState] = {}

    def of(self, unit: int) -> UnitState:
        return self._states.setdefault(unit, UnitState())

    def silent(self, unit: int) -> bool:
        state = self._states.get(unit)
        return state is not None and state.failures > 0

    def all_silent(self, units: Iterable[int]) -> bool:
        """Whether there are units, and none of them answers."""
        states = [self.silent(unit) for unit in units]
        return bool(states) and all(states)

    def due(self) -> list[int]:
        """Silent units whose wait is over."""
        now = time.monotonic()
        return [unit for unit, state in self._states.items() if state.failures and state.retry_at <= now]

    def answered(self, unit: int, took_s: float) -> None:
        state = self.of(unit)
        state.failures, state.retry_at = 0, 0.0
        state.slowest_s = max(took_s, state.slowest_s * 0.95)

    def failed(self, unit: int, *, quality: Quality, message: str, hint: str) -> None:
        """Count a failure and set when to ask again."""
        state = self.of(unit)
        wait = min(FIRST_WAIT_S * 2**state.failures, self._longest_wait_s)
        state.failures = min(state.failures + 1, 30)
        state.retry_at = time.monotonic() + wait * random.uniform(0.8, 1.2)
        state.quality, state.message, state.hint = quality, message, hint

    def troubled(self) -> dict[int, UnitState]:
        """The silent units and why."""
        return {unit: state for unit, state in sorted(self._states.items()) if state.failures}

    def forget(self) -> None:
        """Start afresh, as after a new connection."""
        self._states.clear()
