"""Asks edge nodes to be born again: once per node and while, after a random pause."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

NodeKey = tuple[str, str]


@dataclass(slots=True)
class _Asked:
    due: float | None = None
    sent: float | None = None
    unanswered: int = 0


@dataclass(slots=True, kw_only=True)
class Rebirths:
    """Which nodes are to be asked and when; times are seconds on a steady clock."""

    every_s: float
    jitter_s: float
    _asked: dict[NodeKey, _Asked] = field(default_factory=dict)
    _waiting: set[NodeKey] = field(default_factory=set)

    def ask(self, node: NodeKey, now: float) -> None:
        """Something of this node is missing; nothing happens when it is to be asked already."""
        asked = self._asked.setdefault(node, _Asked())
        if asked.due is not None:
            return
        earliest = now if asked.sent is None else max(now, asked.sent + self.every_s)
        asked.due = earliest + random.random() * self.jitter_s
        self._waiting.add(node)

    def answered(self, node: NodeKey) -> None:
        """The node was born; nothing need be asked any more."""
        asked = self._asked.get(node)
        if asked is not None:
            asked.due = None
            asked.unanswered = 0
            self._waiting.discard(node)

    def due(self, now: float) -> list[tuple[NodeKey, int]]:
        """The nodes to ask now, each with how many requests it left unanswered before."""
        ready = [node for node in self._waiting if (self._asked[node].due or 0.0) <= now]
        found = []
        for node in ready:
            asked = self._asked[node]
            found.append((node, asked.unanswered))
            asked.due, asked.sent = None, now
            asked.unanswered += 1
            self._waiting.discard(node)
        return found

    def next_due(self) -> float | None:
        """When the next request is due."""
        return min((self._asked[node].due or 0.0 for node in self._waiting), default=None)
