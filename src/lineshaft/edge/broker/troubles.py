"""Names each trouble once, and never more than a bounded number of them.

A device that sends garbage a thousand times a second is one sentence on the health page, and a
device that sends a thousand kinds of garbage cannot fill the memory either.
"""

from __future__ import annotations

from collections.abc import Hashable

from lineshaft.edge.connectors import Problem
from lineshaft.kernel.terms import PlantPath

MOST = 1000


class Troubles:
    """Collects problems until they are handed on; the same one comes only once."""

    def __init__(self, root: PlantPath, most: int = MOST) -> None:
        self._root = root
        self._most = most
        self._named: set[Hashable] = set()
        self._waiting: list[Problem] = []

    def name(self, key: Hashable, place: str, message: str, hint: str = "") -> None:
        """Remember a problem at a place below the connection, unless `key` was named before."""
        if key in self._named or len(self._named) > self._most:
            return
        self._named.add(key)
        if len(self._named) > self._most:
            place, message, hint = "", f"More than {self._most} troubles: further ones are not named.", ""
        self._waiting.append(Problem(path=PlantPath.clean(self._root, place), message=message, hint=hint))

    def drain(self) -> list[Problem]:
        """The problems named since the last call."""
        waiting, self._waiting = self._waiting, []
        return waiting
