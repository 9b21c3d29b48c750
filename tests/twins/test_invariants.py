"""Whatever is done to the tree, it stays a tree, and undo gives back what was."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import PlatformError
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import PLATFORM, Guard
from lineshaft.twins import Draft, Level, Property, Twin, Twins

NAMES = st.sampled_from(["a", "b", "c"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(lambda parts: "/".join(["acme", *parts]))
LEVELS = st.sampled_from([Level.AREA, Level.LINE, Level.ASSET, Level.COMPONENT])
DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("create"), PATHS, LEVELS),
        st.tuples(st.just("change"), PATHS, LEVELS),
        st.tuples(st.just("move"), PATHS, PATHS),
        st.tuples(st.just("retire"), PATHS, st.none()),
        st.tuples(st.just("undo"), st.integers(0, 20), st.none()),
    ),
    min_size=4,
    max_size=14,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(DEEDS)
def test_the_tree_stays_whole_and_every_change_can_be_taken_back(deeds: list[tuple[str, Any, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_play(Path(folder), deeds))


async def _play(folder: Path, deeds: list[tuple[str, Any, Any]]) -> None:
    db = Database.at(folder)
    await db.open(["lineshaft.security", "lineshaft.twins"])
    # The tree never asks for values, so there is nothing to listen to.
    twins = Twins(db, Guard(db), SimpleNamespace())  # type: ignore[arg-type]
    try:
        await twins.create(PLATFORM, Draft(path=PlantPath("acme"), level=Level.ORGANISATION))
        changes: list[str] = []
        for deed in deeds:
            before = await _everything(twins)
            done = await _do(twins, deed, changes)
            after = await _everything(twins)
            if not done:
                assert after == before, f"{deed} was refused and changed something"
                continue
            _check_whole(after)
            if deed[0] == "move":
                _check_moved(before, after, deed[1], deed[2])
            if deed[0] != "undo":
                await _check_undo(twins, before, after, changes)
    finally:
        await db.close()


async def _do(twins: Twins, deed: tuple[str, Any, Any], changes: list[str]) -> bool:
    kind, first, second = deed
    try:
        if kind == "create":
            prop = Property(name="x")
            await twins.create(PLATFORM, Draft(path=PlantPath(first), level=second, properties=(prop,)))
        elif kind == "change":
            twin = await twins.get(PLATFORM, first)
            await twins.change(PLATFORM, replace(twin.draft, level=second, title={"en": second}), version=twin.version)
        elif kind == "move":
            await twins.move(PLATFORM, first, second)
        elif kind == "retire":
            await twins.retire(PLATFORM, first)
        elif changes:
            await twins.undo(PLATFORM, changes[first % len(changes)])
        return True
    except PlatformError:
        return False


async def _everything(twins: Twins) -> dict[str, Twin]:
    return {t.path: t for t in await twins.list_(PLATFORM, limit=1000)}


def _check_whole(tree: dict[str, Twin]) -> None:
    assert len({t.id for t in tree.values()}) == len(tree)
    for twin in tree.values():
        parent = twin.path.parent
        if parent is None:
            assert twin.draft.level is Level.ORGANISATION
        else:
            assert tree[parent].draft.level.may_hold(twin.draft.level)
        assert twin.children == sum(t.path.parent == twin.path for t in tree.values())


def _check_moved(before: dict[str, Twin], after: dict[str, Twin], old: str, new: str) -> None:
    for path, twin in before.items():
        if not PlantPath(path).within(old):
            assert after[path] == twin or after[path].children != twin.children
            continue
        there = after[new + path[len(old) :]]
        assert there.id == twin.id
        assert [p.series for p in there.points] == [p.series for p in twin.points]


async def _check_undo(twins: Twins, before: dict[str, Twin], after: dict[str, Twin], changes: list[str]) -> None:
    """Take the last change back and put it in again."""
    touched = next((p for p in [*after, *before] if _differs(before, after, p)), None)
    if touched is None:
        return
    change = (await twins.history(PLATFORM, touched))[0]
    undone = await twins.undo(PLATFORM, change.id)
    assert _drafts(await _everything(twins)) == _drafts(before)
    again = await twins.undo(PLATFORM, undone.id)
    assert _drafts(await _everything(twins)) == _drafts(after)
    changes.append(again.id)


def _differs(before: dict[str, Twin], after: dict[str, Twin], path: str) -> bool:
    was, now = before.get(path), after.get(path)
    return was is None or now is None or (was.id, was.version) != (now.id, now.version)


def _drafts(tree: dict[str, Twin]) -> dict[str, tuple[str, Draft]]:
    return {path: (t.id, t.draft) for path, t in tree.items()}
