"""The twin that a page shows: its shell, its submodels, and what the viewer may do with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import orjson

from lineshaft.console import View
from lineshaft.security import Role
from lineshaft.twins.errors import NoDocument
from lineshaft.twins.metamodel.kinds import Json
from lineshaft.twins.metamodel.references import submodel_ids
from lineshaft.twins.model import record
from lineshaft.twins.model.repository import Document, Kind
from lineshaft.twins.model.shell import PARTS, made_for
from lineshaft.twins.pages.naming import called
from lineshaft.twins.service import Repository
from lineshaft.twins.service.repository.records import NEWEST
from lineshaft.twins.submodels import Template, template_for


@dataclass(slots=True, kw_only=True)
class Carried:
    """One submodel as it was when the page was opened."""

    document: Document
    content: Json
    template: Template | None

    @property
    def id(self) -> str:
        return self.document.id


@dataclass(slots=True, kw_only=True)
class Opened:
    """A shell with those of its submodels that stand here and the viewer may see."""

    view: View
    document: Document
    shell: Json
    submodels: list[Carried] = field(default_factory=list)

    @property
    def name(self) -> str:
        return called(self.shell, self.view.language)

    @property
    def asset(self) -> str:
        """The global asset id; empty without one."""
        return str(self.shell.get("assetInformation", {}).get("globalAssetId", ""))

    @property
    def of_the_tree(self) -> bool:
        """Whether it is a machine of the plant model."""
        told = self.shell.get("assetInformation", {}).get("specificAssetIds", ())
        return any(link.get("name") == "plantPath" for link in told)

    def is_projected(self, carried: Carried) -> bool:
        """Whether the platform writes a submodel: the plant model would write over entries, a record only grows."""
        parts = (*PARTS, record.PART) if self.of_the_tree else (record.PART,)
        return carried.id in {made_for(self.document.id, part) for part in parts}

    def may(self, role: Role) -> bool:
        """Whether the viewer holds a role where the twin stands."""
        return bool(self.view.who.may(role, self.document.place))

    def follow(self, *templates: str) -> list[Carried]:
        """The submodels that follow one of these templates of the shelf."""
        return [one for one in self.submodels if one.template is not None and one.template.name in templates]

    async def reload(self) -> None:
        """Read the shell and its submodels as they are now."""
        self.document = await self.view.ask(Repository).get(self.view.who, Kind.SHELL, self.document.id)
        self.shell = orjson.loads(self.document.body)
        found = [await find_submodel(self.view, id_) for id_ in submodel_ids(self.shell)]
        loaded = [one.template for one in await self.view.ask(Repository).templates.all(self.view.who)]
        self.submodels = [_carried(one, loaded) for one in found if one is not None]


async def open_twin(view: View, id_: str) -> Opened:
    """Read a shell and its submodels."""
    document = await view.ask(Repository).get(view.who, Kind.SHELL, id_)
    opened = Opened(view=view, document=document, shell={})
    await opened.reload()
    return opened


def _carried(document: Document, loaded: Iterable[Template]) -> Carried:
    content: Json = orjson.loads(document.body)
    return Carried(document=document, content=content, template=template_for(content, loaded))


async def find_submodel(view: View, id_: str, *, newest: int | None = NEWEST) -> Document | None:
    """A submodel; None when it is not here, or not for the viewer."""
    try:
        return await view.ask(Repository).get(view.who, Kind.SUBMODEL, id_, newest=newest)
    except NoDocument:
        return None
