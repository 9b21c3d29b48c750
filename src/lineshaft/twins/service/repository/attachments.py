"""Files of File elements, thumbnails of shells, and packages."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from lineshaft.kernel.db import Transaction
from lineshaft.kernel.errors import Invalid
from lineshaft.security import Role, Who
from lineshaft.twins.errors import FileTooLarge, NoFile
from lineshaft.twins.metamodel.kinds import FILE, Json, kind_of
from lineshaft.twins.metamodel.paths import find, place_of
from lineshaft.twins.model.repository import Attachment, Kind
from lineshaft.twins.store import files
from lineshaft.twins.store.documents import Stored
from lineshaft.twins.store.entries import entry_of

from . import writing
from .desk import Desk, missing
from .shelf import content_of
from .sight import Sight

WRITE = "twins.files.write"


class Attachments:
    """Contents beside documents; writing one also writes its name and type into the document."""

    def __init__(self, desk: Desk, most_mb: int) -> None:
        """`most_mb` is the largest file that may be attached; packages are as large as they are."""
        self._desk = desk
        self.most_mb = most_mb

    async def get(self, who: Who, kind: Kind, id_: str, path: str) -> Attachment:
        """The file of the element at a path, the thumbnail of a shell, or a package; NoFile without one."""
        who = await self._desk.guard.current(who)
        async with self._desk.db.read() as tx:
            stored = await self._desk.standing(tx, who, kind, id_)
            if not Sight(who.sees()).whole(_place(stored, path)):
                missing(kind, id_)
            name, _ = _slot(stored, content_of(stored), path)
            found = await files.find(tx, stored.number, name) if name is not None else None
        if found is None:
            raise NoFile(f"Nothing is attached to {path or 'the ' + kind.words!r} of {id_[:200]!r}.")
        held, content = found
        return Attachment(name=held.name, content_type=held.content_type, content=content)

    async def put(self, who: Who, kind: Kind, id_: str, path: str, file: Attachment) -> None:
        """Attach a file in place of the one that was there."""
        async with self._desk.writing(who) as (tx, now):
            stored = await self._desk.standing(tx, now, kind, id_)
            self._desk.may(now, Role.ENGINEER, _place(stored, path), WRITE)
            await self.keep(tx, now, stored, path, file)

    async def keep(self, tx: Transaction, who: Who, stored: Stored, path: str, file: Attachment) -> None:
        """The same in the caller's transaction."""
        await writing.alive(tx, who, stored.place)
        document = content_of(stored)
        _, holder = _slot(stored, document, path)
        if stored.kind is not Kind.PACKAGE:
            self._check(file)
        name = "" if stored.kind is Kind.PACKAGE else part_name(file)
        await files.put(tx, stored.number, name, file)
        if holder is not None:
            holder |= {_key(stored.kind): name, "contentType": file.content_type}
        await self._write(tx, who, stored, document, path, {"name": file.name, "bytes": len(file.content)})

    async def bring(
        self, tx: Transaction, who: Who, stored: Stored, before: Json, files_: Mapping[str, Attachment]
    ) -> None:
        """Keep those of some contents, by part name, that elements of the document name since it was changed."""
        named = set(entry_of(stored.kind, content_of(stored), stored.place).files)
        named -= set(entry_of(stored.kind, before, stored.place).files)
        for name in sorted(named & files_.keys()):
            file = files_[name]
            self._check(file)
            await files.put(tx, stored.number, name, file)
            told = {"name": file.name, "bytes": len(file.content)}
            await self._desk.guard.record(who, WRITE, f"{stored.id}#{name}"[:500], after=told, path=stored.place, tx=tx)

    def _check(self, file: Attachment) -> None:
        if len(file.content) > self.most_mb << 20:
            raise FileTooLarge(
                f"The file {file.name[:100]} has {len(file.content):,} bytes; {self.most_mb} MiB may be attached.",
                hint="Make it smaller, or raise attachment_mb in [twins.files].",
            )

    async def drop(self, who: Who, kind: Kind, id_: str, path: str) -> None:
        """Take a file away; NoFile without one."""
        async with self._desk.writing(who) as (tx, now):
            stored = await self._desk.standing(tx, now, kind, id_)
            self._desk.may(now, Role.ENGINEER, _place(stored, path), WRITE)
            document = content_of(stored)
            name, holder = _slot(stored, document, path)
            if name is None or not await files.drop(tx, stored.number, [name]):
                raise NoFile(f"Nothing is attached to {path or 'the ' + kind.words!r} of {id_[:200]!r}.")
            if kind is Kind.SHELL:
                document["assetInformation"].pop("defaultThumbnail")
            elif holder is not None:
                holder.pop("value")
            await self._write(tx, now, stored, document, path, None)

    async def _write(
        self, tx: Transaction, who: Who, stored: Stored, document: Json, path: str, told: dict[str, Any] | None
    ) -> None:
        place = _place(stored, path)
        await self._desk.guard.record(who, WRITE, f"{stored.id}#{path}"[:500], after=told, path=place, tx=tx)
        if document != content_of(stored):
            await writing.change(tx, self._desk.guard, who, stored, entry_of(stored.kind, document, stored.place))


def _slot(stored: Stored, document: Json, path: str) -> tuple[str | None, Json | None]:
    """The name a file is kept by, None for none yet, and the object that holds this name."""
    if stored.kind is Kind.PACKAGE:
        return "", None
    if stored.kind is Kind.SHELL:
        holder = document.setdefault("assetInformation", {}).setdefault("defaultThumbnail", {})
    elif stored.kind is Kind.SUBMODEL:
        holder = find(document, path)
        if kind_of(holder) != FILE:
            raise Invalid(f"{path!r} is a {kind_of(holder)}, not a File.", hint="Attach files to File elements.")
    else:
        raise Invalid(f"A {stored.kind.words} holds no files.")
    return holder.get(_key(stored.kind)), holder


def _key(kind: Kind) -> str:
    return "path" if kind is Kind.SHELL else "value"


def _place(stored: Stored, path: str) -> str:
    return f"{stored.place}/{place_of(path)}" if stored.kind is Kind.SUBMODEL and path else stored.place


def part_name(file: Attachment) -> str:
    """Where the file stands in an AASX package: unique by content, readable by name."""
    digest = hashlib.sha256(file.content).hexdigest()[:12]
    return f"/aasx/files/{digest}/{re.sub(r'[^A-Za-z0-9._-]+', '-', file.name)[-100:] or 'file'}"
