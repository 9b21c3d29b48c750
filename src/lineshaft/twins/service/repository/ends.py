"""Twins as people address them, by plant path or by the id of their shell, and submodels the platform adds to them."""

from __future__ import annotations

from lineshaft.kernel.db import Transaction
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Role, Who
from lineshaft.twins import store
from lineshaft.twins.errors import NoTwin
from lineshaft.twins.metamodel.references import submodel_ids
from lineshaft.twins.model.repository import Json, Kind
from lineshaft.twins.model.shell import model_reference, shell_id
from lineshaft.twins.store import documents
from lineshaft.twins.store.documents import Stored
from lineshaft.twins.store.entries import entry_of

from . import writing
from .desk import Desk
from .door import step_of
from .shelf import content_of


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
