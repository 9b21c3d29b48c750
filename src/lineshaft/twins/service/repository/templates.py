"""Templates that users load: submodels of kind Template, kept, shown and taken away as documents by rights on places.

Any way such a submodel comes in makes it a template that is offered: a file loaded on the screen or over HTTP, a
package taken in, or a `PUT` of the AAS API.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import orjson

from lineshaft.kernel.db import Transaction
from lineshaft.kernel.errors import PlatformError
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Role, Who
from lineshaft.twins.errors import BadDocument
from lineshaft.twins.model.repository import Document, Json, Kind
from lineshaft.twins.store import documents
from lineshaft.twins.store.entries import entry_of
from lineshaft.twins.submodels import SHELF, BadTemplate, Template, load_template, new, template

from . import writing
from .binding import forbidden
from .desk import Denied, Desk, missing
from .door import check_document, named, step_of
from .shelf import content_of

LOAD, UNLOAD = "twins.templates.load", "twins.templates.unload"
MOST = 500
"""Templates that are offered at once."""
MOST_ELEMENTS = 20_000
"""Of one template; the longest published one has 836."""
_KEPT = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A template that somebody loaded, `template` under its id as its name."""

    place: PlantPath
    by: str
    template: Template

    @property
    def id(self) -> str:
        return self.template.name


class Templates:
    """The templates that users load."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._read: OrderedDict[tuple[int, int], Template | None] = OrderedDict()
        """By number and version of the document; None for one that is broken."""

    async def all(self, who: Who) -> list[Loaded]:
        """Those the caller may see, by title."""
        sight = await self._desk.sight(who)
        async with self._desk.db.read() as tx:
            rows = await documents.templates(tx, sight.trees, MOST)
        found = [await self._desk.shelf.find(Kind.SUBMODEL, id_) for _, id_ in rows]
        loaded = [self._loaded(one) for one in found if one is not None]
        return sorted((one for one in loaded if one is not None), key=lambda one: one.template.id_short)

    async def load(self, who: Who, submodels: Sequence[Json]) -> list[Loaded]:
        """Keep templates, each in place of an older one of its id: all of them, or none.

        BadTemplate says what is wrong with the first that no proper submodel can be made of.
        """
        read = [checked(one) for one in submodels]
        async with self._desk.writing(who) as (tx, now):
            home = self._desk.home(now)
            places = [await self._keep(tx, now, one, home.child(step_of(one))) for one in submodels]
        return [Loaded(place=place, by=who.name, template=one) for place, one in zip(places, read, strict=True)]

    async def unload(self, who: Who, id_: str) -> Json:
        """Take a template away, which is given back; submodels made of it stay as they are."""
        async with self._desk.writing(who) as (tx, now):
            stored = await self._desk.standing(tx, now, Kind.SUBMODEL, id_)
            content = content_of(stored)
            if content.get("kind") != "Template":
                missing(Kind.SUBMODEL, id_)
            self._desk.may(now, Role.ENGINEER, stored.place, UNLOAD)
            await writing.delete(tx, self._desk.guard, now, stored)
        return content

    async def _keep(self, tx: Transaction, who: Who, submodel: Json, place: PlantPath) -> PlantPath:
        stored = await documents.find(tx, Kind.SUBMODEL, submodel["id"])
        if stored is not None and content_of(stored).get("kind") != "Template":
            raise BadTemplate(
                f"{submodel['idShort']} has the id of a submodel that is in use.", hint="Give the template its own."
            )
        entry = entry_of(Kind.SUBMODEL, submodel, place if stored is None else stored.place)
        self._desk.may(who, Role.ENGINEER, entry.place, LOAD)
        if lacking := forbidden(who, submodel):
            raise Denied(*lacking, LOAD)
        if stored is None:
            await writing.create(tx, self._desk.guard, who, entry)
        elif stored.digest != entry.digest:
            await writing.change(tx, self._desk.guard, who, stored, entry)
        return entry.place

    def _loaded(self, document: Document) -> Loaded | None:
        key = (document.number, document.version)
        if key not in self._read:
            self._read[key] = _facts(orjson.loads(document.body))
            while len(self._read) > _KEPT:
                self._read.popitem(last=False)
        read = self._read[key]
        return None if read is None else Loaded(place=document.place, by=document.changed_by, template=read)


def _facts(submodel: Json) -> Template | None:
    try:
        return checked(submodel)
    except PlatformError:
        return None


def checked(submodel: Json) -> Template:
    """A template under its id; BadTemplate unless proper submodels can be made of it."""
    found = load_template(submodel)
    named(Kind.SUBMODEL, submodel)
    count = sum(1 for _ in found.walk())
    if not count:
        raise BadTemplate(f"The template {found.id_short} has no elements.", hint="Load one with elements in it.")
    if count > MOST_ELEMENTS:
        raise BadTemplate(f"The template {found.id_short} has {count:,} elements, more than {MOST_ELEMENTS:,}.")
    for shipped in (template(name) for name in SHELF.plugins):
        if (shipped.template_id, shipped.version) == (found.template_id, found.version):
            raise BadTemplate(
                f"{found.id_short} {found.version} comes with the platform already.", hint="Choose it in the list."
            )
    _make(found)
    return replace(found, name=submodel["id"], title=found.title or {"en": found.id_short})


def _make(one: Template) -> None:
    """Make a submodel of it, for trial."""
    try:
        check_document(Kind.SUBMODEL, new(one))
    except BadDocument as error:
        raise BadTemplate(
            f"No proper submodel can be made of the template {one.id_short}: {error.message}", hint="Mend the template."
        ) from error
