"""What a file was found to say wrongly, or could not take along: constraint, place, sentence, value."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from lineshaft.twins import metamodel

KEPT: Final = 1_000
"""Findings kept in full; more are counted by their constraint."""
_CONSTRAINT = re.compile(r"\s*Constraint (AAS\w-[\w-]*\d)\s*:\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding(metamodel.Finding):
    """One thing that is not as the metamodel says, or that was lost.

    `path` reads `<id> › <idShortPath> › <member>`, for a file holds many documents; `constraint` is one of the
    metamodel, or `structure`, `identifier`, `package` or `metamodel` for what has no number; `left_out` says that
    what stood there was not taken over.
    """

    left_out: bool = False

    def __str__(self) -> str:
        value = f" (here: {self.value})" if self.value else ""
        return f"{self.constraint} at {self.path or 'the file'}: {self.message}{value}"


@dataclass(slots=True)
class Report:
    """All findings of one file, in the order in which they were met."""

    findings: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, constraint: str, path: str, message: str, value: object = "", *, left_out: bool = False) -> None:
        """Note one finding."""
        self.counts[constraint] += 1
        if len(self.findings) < KEPT:
            found = Finding(constraint=constraint, path=path, message=message, value=shorten(value), left_out=left_out)
            self.findings.append(found)

    def cite(self, path: str, message: str, value: object = "") -> None:
        """Note a sentence of the constraint checker, which names its constraint at the beginning, if it has one."""
        named = _CONSTRAINT.match(message)
        self.add(named[1] if named else "metamodel", path, message[named.end() :] if named else message, value)

    @property
    def total(self) -> int:
        """How many findings there are, with those that are only counted."""
        return self.counts.total()

    @property
    def clean(self) -> bool:
        return not self.counts


def shorten(value: Any) -> str:
    """A value as one short line."""
    if isinstance(value, dict | list):
        return f"a list of {len(value)}" if isinstance(value, list) else "an object"
    text = " ".join((value if isinstance(value, str) else repr(value))[:200].split())
    return text if len(text) <= 80 else f"{text[:77]}..."


def step(name: str) -> str:
    """An id or idShort as part of a path: what is longer than any id may be is cut, for paths are built often."""
    return name if len(name) <= 2_048 else f"{name[:100]}..."
