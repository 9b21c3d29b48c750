"""Facts: what happened, told once to everybody who cares.

A fact is a frozen msgspec struct named in the past tense and defined in a context's `events.py`:

    class TwinCreated(Fact, frozen=True, kw_only=True):
        path: str
"""

from __future__ import annotations

import re

import msgspec

PREFIX = "lineshaft.facts"


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened; immutable, and told at least once."""


def subject_of(kind: type[Fact]) -> str:
    """`lineshaft.twins.events.TwinCreated` travels on `lineshaft.facts.twins.twin_created.v1`."""
    package = kind.__module__.removeprefix("lineshaft.").split(".")
    context = package[2] if package[:2] == ["operations", "apps"] else package[0]
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()
    return f"{PREFIX}.{context}.{name}.v1"
