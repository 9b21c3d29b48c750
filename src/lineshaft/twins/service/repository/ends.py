"""Twins as people address them, by plant path or by the id of their shell, and submodels the platform adds to them."""

from __future__ import annotations

from collections.abc import Iterable

from lineshaft.kernel.db import Transaction
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Role, Who
from lineshaft.twins import store
from lineshaft.twins.errors import NoTwin
from lineshaft.twins.metamodel.references import submodel_ids
from lineshaft.twins.model.relations import End
from lineshaft.twins.model.repository import Json, Kind
from lineshaft.twins.model.shell import model_reference, shell_id
from lineshaft.twins.store import documents, links
from lineshaft.twins.store.documents import Stored
from lineshaft.twins.store.entries import entry_of

from . import writing
from .desk import Desk
from .door import step_of
from .shelf import content_of
from .sight import Sight


async def shell_at(tx: Transaction, who: Who, address: str) -> Stored:
    """The shell of a twin the caller may see; NoTwin when there is none."""
    found = await documents.find(tx, Kind.SHELL, address)
    twin = await store.find(tx, address) if found is None else None
    if twin is not None:
        found = await documents.find(tx, Kind.SHELL, shell_id(twin.id))
    if found is None or not who.may(Role.VIEWER, found.place):
        raise NoTwin(f"There is no twin {address[:200]!r}.", hint="Name a machine by its place, or a shell by its id.")
    return found


async def attach(
    tx: Transaction, desk: Desk, who: Who, shell: Stored | None, document: Json, place: PlantPath
) -> Stored:
    """A new submodel of a twin at a place; its shell, when there is one yet, refers to it from now on."""
    entry = entry_of(Kind.SUBMODEL, document, PlantPath(place).child(step_of(document)))
    made = await writing.create(tx, desk.guard, who, entry, ours=True)
    if shell is not None:
        await refer(tx, desk, who, shell, document["id"])
    return made


async def refer(tx: Transaction, desk: Desk, who: Who, shell: Stored, submodel: str) -> None:
    """Let a shell refer to a submodel, if it does not yet."""
    content = content_of(shell)
    if submodel not in submodel_ids(content):
        content["submodels"] = [*content.get("submodels", ()), model_reference("Submodel", submodel)]
        entry = entry_of(Kind.SHELL, content, shell.place)
        await writing.change(tx, desk.guard, who, shell, entry, ours=True)


async def ends_among(tx: Transaction, sight: Sight, shells: Iterable[str], language: str = "en") -> dict[str, End]:
    """Each of these shells as an end of a relation; no more than its id where the caller may not see it."""
    shells = set(shells)
    rows = [row for row in await documents.find_all(tx, Kind.SHELL, shells) if sight.whole(row.place)]
    return {shell: End(shell=shell) for shell in shells} | {row.id: _end(row, language) for row in rows}


async def ends_of(tx: Transaction, sight: Sight, things: Iterable[str], language: str = "en") -> dict[str, End]:
    """The twins behind things named by asset or shell, of those the caller may see; the oldest of several."""
    things = set(things)
    shells = await links.of_assets(tx, things)
    rows = await documents.find_all(tx, Kind.SHELL, {*things, *(shell for _, shell in shells)})
    seen = {row.id: row for row in sorted(rows, key=lambda row: row.number) if sight.whole(row.place)}
    found = {thing: _end(seen[thing], language) for thing in things if thing in seen}
    for asset, shell in shells:
        if shell in seen:
            found.setdefault(asset, _end(seen[shell], language))
    return found


def _end(shell: Stored, language: str) -> End:
    content = content_of(shell)
    names = {one.get("language", ""): one.get("text", "") for one in content.get("displayName") or ()}
    name = names.get(language) or names.get("en") or next(iter(names.values()), "") or content.get("idShort")
    type_ = (content.get("assetInformation") or {}).get("assetType")
    return End(shell=shell.id, place=shell.place, name=str(name or shell.id), type=str(type_ or ""))
