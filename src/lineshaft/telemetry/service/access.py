"""Who may ask about which series: named paths are refused when outside, searches only find what is inside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Guard, Role, Who
from lineshaft.telemetry.model import Selection, glob


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A selection cut down to what somebody may see."""

    paths: tuple[str, ...]
    """Named, each allowed, no duplicates."""
    trees: tuple[str, ...]
    """Subtrees to search, outermost only; empty finds nothing, ('',) everything."""
    pattern: str
    limit: int

    def admits(self, path: str) -> bool:
        """Whether a path is found by this scope's search."""
        place = PlantPath(path)
        inside = any(place.within(tree) for tree in self.trees)
        return inside and (not self.pattern or glob(self.pattern).fullmatch(path) is not None)


async def scope_of(guard: Guard, who: Who, selection: Selection, action: str) -> Scope:
    """What of a selection `who` may see; raises Forbidden, audited, when something named lies outside."""
    for path in dict.fromkeys(selection.paths):
        await guard.require(who, Role.VIEWER, path, action)
    trees = overlap(who.sees(), selection.subtree or "") if selection.finds else ()
    if selection.subtree and not trees:
        await guard.require(who, Role.VIEWER, selection.subtree, action)
    return Scope(
        paths=tuple(dict.fromkeys(selection.paths)), trees=trees, pattern=selection.pattern, limit=selection.limit
    )


def overlap(seen: Iterable[str], subtree: str) -> tuple[str, ...]:
    """The parts of a subtree that lie within the seen trees."""
    place = PlantPath(subtree)
    trees = tuple(seen)
    if any(place.within(tree) for tree in trees):
        return (subtree,)
    return tuple(tree for tree in trees if PlantPath(tree).within(subtree))
