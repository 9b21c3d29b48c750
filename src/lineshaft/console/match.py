"""Two lists of which one is put onto the other: by dragging, or by pressing one and then the other.

match(sources, targets, on_match=bind, on_free=release, label=view.text("Live values"))

async def bind(source: str, target: str) -> None: ...
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .live import Live
from .view import guarded, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What can be put somewhere; `note` is quiet text such as its value now."""

    id: str
    label: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where something can be put; `bound` is what lies there, `changed` whether that is not saved yet."""

    id: str
    label: str
    note: str = ""
    bound: str = ""
    changed: bool = False


class Match(Live, component="assets/ls_match.js"):
    """Both lists; see `match`."""

    def set(self, *, sources: Sequence[Source] | None = None, targets: Sequence[Target] | None = None) -> None:
        """Replace one list or both."""
        if sources is not None:
            self.patch(sources=[asdict(one) for one in sources])
        if targets is not None:
            self.patch(targets=[asdict(one) for one in targets])


def match(
    sources: Sequence[Source],
    targets: Sequence[Target],
    *,
    on_match: Callable[[str, str], object],
    on_free: Callable[[str], object],
    label: str = "",
) -> Match:
    """Things to put at the left, places at the right; with the keyboard Enter takes one and Enter puts it down."""
    words = {
        "sources": text("What can be put"),
        "targets": label,
        "filter": text("Filter"),
        "none": text("Nothing matches the filter"),
        "hint": text("Drag onto a line, or press one at the left first."),
        "drop": text("Now press the line it belongs to."),
        "free": text("nothing yet"),
        "take": text("Take off"),
        "empty": text("Nothing here yet"),
    }
    made = Match(
        sources=[asdict(one) for one in sources], targets=[asdict(one) for one in targets], label=label, words=words
    )  # fmt: skip
    made.on("match", guarded(lambda event: on_match(_word(event, "source"), _word(event, "target"))))
    made.on("free", guarded(lambda event: on_free(str(event.args))))
    return made


def _word(event: Any, name: str) -> str:
    return str(event.args[name])
