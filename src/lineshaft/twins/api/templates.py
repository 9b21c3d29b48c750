"""Submodel templates over HTTP: those that come with the platform, and those that users load."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, UploadFile
from pydantic import BaseModel

from lineshaft.kernel.http import caller
from lineshaft.security import Who
from lineshaft.twins.metamodel import identifiers
from lineshaft.twins.service import Receiving, Repository
from lineshaft.twins.service.repository import Loaded
from lineshaft.twins.submodels import Entry, catalogue

Caller = Annotated[Who, Depends(caller)]
_CHUNK = 1 << 20


class TemplateOut(BaseModel):
    """One template: `name` is its folder of the shelf or, of a loaded one, its id; `place` is where that stands."""

    name: str
    number: str
    version: str
    title: dict[str, str]
    summary: dict[str, str]
    semantic_id: str
    elements: int
    mandatory: int
    loaded: bool
    place: str = ""
    by: str = ""

    @classmethod
    def of(cls, entry: Entry, loaded: Loaded | None) -> TemplateOut:
        names = ("name", "number", "version", "title", "summary", "elements", "mandatory")
        said = {name: getattr(entry, name) for name in names}
        made = cls(semantic_id=entry.means, loaded=loaded is not None, **said)
        return made.model_copy(update={"place": str(loaded.place), "by": loaded.by}) if loaded else made


def router(receiving: Receiving, repository: Repository) -> APIRouter:
    """The routes of templates, below /api/v1."""
    api = APIRouter(prefix="/twins/templates", tags=["twins"])

    @api.get("")
    async def list_templates(who: Caller) -> list[TemplateOut]:
        """Every template a submodel can be made of."""
        return _told(await repository.templates.all(who), shelf=True)

    @api.post("", status_code=201)
    async def load_templates(who: Caller, file: UploadFile) -> list[TemplateOut]:
        """Load every submodel template of an AASX, JSON or XML file; all of them, or none."""
        with tempfile.NamedTemporaryFile(suffix=Path(file.filename or "").suffix[:8]) as kept:
            while chunk := await file.read(_CHUNK):
                kept.write(chunk)
            kept.flush()
            return _told(await receiving.load_templates(who, Path(kept.name)), shelf=False)

    @api.delete("/{template}", status_code=204)
    async def unload_template(who: Caller, template: str) -> None:
        """Take a loaded template away, by its id in base64url; submodels made of it stay."""
        await repository.templates.unload(who, identifiers.decode_id(template))

    return api


def _told(loaded: list[Loaded], *, shelf: bool) -> list[TemplateOut]:
    mine = {one.id: one for one in loaded}
    entries = catalogue([one.template for one in loaded])
    return [TemplateOut.of(one, mine.get(one.name)) for one in entries if shelf or one.name in mine]
