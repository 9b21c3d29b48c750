"""Counts denials, so that a flood of them leaves a few rows in the audit log instead of a full disk.

The first denial of an actor, action and path is a row at once. Equal ones within the window are only
counted; the count becomes one more row when the window ends. An actor who is refused in many different
places shares one window after the first thirty, and all actors together one after six hundred.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic

from lineshaft.security.model import Who, WhoKind

WINDOW_S = 60.0
MOST_PER_ACTOR = 30
MOST = 600
MANY = "(many)"
_SEVERAL = Who(id="", name="several actors", kind=WhoKind.SERVICE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """Something that was refused, once or many times."""

    who: Who
    action: str
    path: str
    subject: str
    count: int = 1


_Key = tuple[str, str, str, str, str]


@dataclass(slots=True)
class _Window:
    first: Denial
    ends: float
    silent: int = 0


class Denials:
    """The windows open now."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._windows: dict[_Key, _Window] = {}
        self._per_actor: Counter[tuple[str, str]] = Counter()

    def add(self, denial: Denial) -> list[Denial]:
        """Take note of a denial; returns what should be written now."""
        due = self.due()
        denial = self._bounded(denial)
        key = _key(denial)
        window = self._windows.get(key)
        if window is not None:
            window.silent += 1
            return due
        self._windows[key] = _Window(denial, self._clock() + WINDOW_S)
        self._per_actor[key[:2]] += 1
        return [*due, denial]

    def due(self, *, everything: bool = False) -> list[Denial]:
        """Counts of the windows that have ended, or of all when the process stops."""
        now = self._clock()
        ended = [key for key, window in self._windows.items() if everything or window.ends <= now]
        found = []
        for key in ended:
            window = self._windows.pop(key)
            self._per_actor[key[:2]] -= 1
            if window.silent:
                found.append(replace(window.first, count=window.silent))
        self._per_actor += Counter()  # drops those at zero
        return found

    def _bounded(self, denial: Denial) -> Denial:
        key = _key(denial)
        if key in self._windows:
            return denial
        if len(self._windows) >= MOST:
            return Denial(who=_SEVERAL, action=MANY, path=MANY, subject=MANY)
        if self._per_actor[key[:2]] >= MOST_PER_ACTOR:
            return Denial(who=denial.who, action=MANY, path=MANY, subject=MANY)
        return denial


def _key(denial: Denial) -> _Key:
    return (denial.who.id, denial.who.origin, denial.action, denial.path, denial.subject)
