"""Process pictures: kept in versions, drawn up from the tree, and read as they are now.

Who saves says which version they changed; when somebody was faster nothing is written and nothing is lost: `merge`
puts both together. A picture belongs to a place; reading it needs a viewer there, changing it an engineer. What a
picture is bound to must be visible to whoever binds it, and is shown to those only who may see it themselves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

import msgspec

from lineshaft.kernel.clock import now_us
from lineshaft.kernel.db import Database, Transaction
from lineshaft.kernel.errors import Unavailable
from lineshaft.kernel.ids import new_id
from lineshaft.kernel.tasks import in_thread
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Guard, Role, Who
from lineshaft.twins import store
from lineshaft.twins.errors import BadPicture, NoPicture, NoTwin, Outdated
from lineshaft.twins.files.drawing import clean
from lineshaft.twins.model.picture import Drawing, Edition, Picture, check_picture, merged, places_of
from lineshaft.twins.model.sketch import sketch

from .edit import dressed
from .now import Now
from .watching import Watching

MOST = 1_000
MOST_DRAWINGS = 32


class Pictures:
    """The process pictures of a plant. `watching` reads them as they are now."""

    def __init__(self, db: Database, guard: Guard, now: Now | None = None) -> None:
        """Without `now` pictures are only kept: for commands on the machine."""
        self._db = db
        self._guard = guard
        self._watching = Watching(db, guard, now) if now else None

    @property
    def watching(self) -> Watching:
        """What reads pictures as they are now; Unavailable in a process that hears no values."""
        if self._watching is None:
            raise Unavailable("This process hears no values.", hint="Ask the running platform.")
        return self._watching

    # ---- looking ----

    async def list_(self, who: Who, *, under: str = "", after: str = "", limit: int = 100) -> list[Picture]:
        """The pictures of a subtree that the caller may see, in the order they were made, after id `after`."""
        async with self._db.read() as tx:
            return await store.pictures(tx, sees=who.sees(), under=under, after=after, limit=min(limit, MOST))

    async def removed(self, who: Who, *, under: str = "", after: str = "", limit: int = 100) -> list[Picture]:
        """The removed pictures of a subtree that the caller may bring back, after id `after`."""
        now = await self._guard.current(who)
        trees = sorted({grant.subtree for grant in now.grants if grant.role >= Role.ENGINEER})
        async with self._db.read() as tx:
            return await store.pictures(tx, sees=trees, under=under, after=after, limit=min(limit, MOST), removed=True)

    async def showing(self, who: Who, path: str, *, limit: int = 10) -> list[Picture]:
        """The pictures that show a machine, or something below a place, those of the nearest places first.

        Only what the caller may see counts: the picture, and what it is bound to.
        """
        now = await self._guard.current(who)
        async with self._db.read() as tx:
            return await store.pictures_showing(tx, path, sees=now.sees(), limit=min(limit, MOST))

    async def get(self, who: Who, id_: str) -> Picture:
        """The picture of an id; NoPicture also when the caller may not know of it."""
        async with self._db.read() as tx:
            found = await store.find_picture(tx, id_)
        return await self._seen(who, found, id_)

    async def editions(self, who: Who, id_: str, *, before: int | None = None, limit: int = 50) -> list[Edition]:
        """The versions of a picture, newest first; also of one that was removed."""
        async with self._db.read() as tx:
            await self._seen(who, await store.find_picture(tx, id_, removed=True), id_)
            return await store.editions(tx, id_, before=before, limit=min(limit, MOST))

    async def at(self, who: Who, id_: str, version: int) -> Picture:
        """A picture as it was saved under a version."""
        async with self._db.read() as tx:
            await self._seen(who, await store.find_picture(tx, id_, removed=True), id_)
            found = await store.find_edition(tx, id_, version)
        if found is None:
            raise NoPicture(f"The picture {id_} has no version {version}.", hint="Look at its versions.")
        return found

    async def drawings(self, who: Who, picture: Picture) -> dict[str, Drawing]:
        """The drawings of a picture the caller may see, by name."""
        await self._guard.require(who, Role.VIEWER, picture.place, "twins.picture.read")
        async with self._db.read() as tx:
            found = {name: await store.find_content(tx, digest) for name, digest in picture.drawings.items()}
        return {name: msgspec.json.decode(body, type=Drawing) for name, body in found.items() if body is not None}

    # ---- changing ----

    async def save(self, who: Who, picture: Picture, *, fresh: Mapping[str, bytes] | None = None) -> Picture:
        """Add a picture (version 0), or the next version of the one the caller saw; Outdated names who was faster.

        `fresh` are more drawings (SVG) by name, which are cleaned and kept with it, or not at all.
        """
        fresh = fresh or {}
        check_picture(replace(picture, drawings={**picture.drawings, **dict.fromkeys(fresh, "")}))
        await self._guard.require(who, Role.ENGINEER, picture.place, "twins.picture.save")
        _few(len(picture.drawings) + len(fresh))
        for path in places_of(picture):
            await self._guard.require(who, Role.VIEWER, path, "twins.picture.save")
        old = await self.get(who, picture.id) if picture.version else None
        if old is not None:
            await self._guard.require(who, Role.ENGINEER, old.place, "twins.picture.save")
        bodies = {name: msgspec.json.encode((await in_thread(clean, content))[0]) for name, content in fresh.items()}
        digests = {name: hashlib.sha256(body).hexdigest() for name, body in bodies.items()}
        picture = replace(picture, id=picture.id if old else new_id(), drawings={**picture.drawings, **digests})
        return await self._write(who, picture, old, "saved", bodies={digests[name]: bodies[name] for name in bodies})

    async def remove(self, who: Who, id_: str, *, version: int | None = None) -> Picture:
        """Take a picture away; `restore` brings it back."""
        old = await self.get(who, id_)
        await self._guard.require(who, Role.ENGINEER, old.place, "twins.picture.remove")
        return await self._write(who, replace(old, version=version or old.version), old, "removed")

    async def restore(self, who: Who, id_: str, version: int) -> Picture:
        """A picture becomes what it was under a version, as a new version; also after it was removed."""
        wanted = await self.at(who, id_, version)
        async with self._db.read() as tx:
            old = await self._seen(who, await store.find_picture(tx, id_, removed=True), id_)
        for place in {old.place, wanted.place}:
            await self._guard.require(who, Role.ENGINEER, place, "twins.picture.restore")
        return await self._write(who, replace(wanted, version=old.version), old, "restored")

    async def merge(self, who: Who, mine: Picture) -> tuple[Picture, tuple[str, ...]]:
        """What the caller made of an older version together with what stands now; and the items both changed.

        Nothing is saved: the answer has the version that stands now and can be looked at, and saved.
        """
        check_picture(mine)
        theirs = await self.get(who, mine.id)
        return merged(await self.at(who, mine.id, mine.version), theirs, mine)

    async def draw_up(self, who: Who, place: str, *, title: str = "", language: str = "en") -> Picture:
        """A first picture of a place from the tree; it is not saved yet."""
        where = PlantPath.parse(place)
        await self._guard.require(who, Role.VIEWER, where, "twins.picture.sketch")
        async with self._db.read() as tx:
            twins = await dressed(tx, await store.subtree(tx, where))
        if not twins:
            raise NoTwin(f"There is no twin at {where}.")
        top = next((t for t in twins if t.path == where), twins[0])
        return sketch(where, title or top.title(language), twins, language)

    async def add_drawing(self, who: Who, place: str, content: bytes) -> tuple[str, Drawing, tuple[str, ...]]:
        """Clean a drawing (SVG) and keep it: its digest for `Picture.drawings`, itself, what was taken out."""
        await self._guard.require(who, Role.ENGINEER, place, "twins.picture.drawing")
        drawing, findings = await in_thread(lambda: clean(content))
        body = msgspec.json.encode(drawing)
        digest = hashlib.sha256(body).hexdigest()
        async with self._db.begin() as tx:
            await store.keep_content(tx, digest, body)
            done = {"digest": digest, "taken_out": len(findings)}
            await self._guard.record(who, "twins.picture.drawing", place, after=done, tx=tx)
        return digest, drawing, findings

    # ---- inside ----

    async def _seen(self, who: Who, picture: Picture | None, id_: str) -> Picture:
        if picture is None or not self._guard.allowed(who, Role.VIEWER, picture.place):
            raise NoPicture(f"There is no picture {id_[:40]!r}.")
        await self._guard.require(who, Role.VIEWER, picture.place, "twins.picture.read")
        return picture

    async def _write(
        self, who: Who, picture: Picture, old: Picture | None, deed: str, *, bodies: Mapping[str, bytes] | None = None
    ) -> Picture:
        now = max(now_us(), old.changed_us + 1 if old else 0)
        new = replace(picture, version=picture.version + 1, changed_us=now, changed_by=who.name)
        async with self._db.begin() as tx:
            await store.hold(tx)
            for digest, body in (bodies or {}).items():
                await store.keep_content(tx, digest, body)
            await _has_drawings(tx, new.drawings)
            if not await store.keep_picture(tx, new, deed=deed, by=who.name):
                standing = await store.find_picture(tx, new.id, removed=True)
                raise _outdated(picture, standing)
            subject = f"{new.place}/{new.id}"
            after = {"title": new.title, "version": new.version, "items": len(new.items), "deed": deed}
            before = {"version": old.version, "items": len(old.items)} if old else None
            action = {"removed": "remove", "restored": "restore"}.get(deed, "save")
            await self._guard.record(
                who, f"twins.picture.{action}", subject, before=before, after=after, path=new.place, tx=tx
            )
        return new


def _outdated(mine: Picture, standing: Picture | None) -> Outdated:
    if standing is None:
        return Outdated("The picture is gone by now.", hint="Save yours as a new one.")
    return Outdated(
        f"{standing.changed_by} saved version {standing.version} of this picture; you changed version {mine.version}.",
        hint="Nothing was written and nothing of yours is lost: put both together, or save yours as a copy.",
        current=standing.version,
        yours=mine.version,
    )


def _few(drawings: int) -> None:
    if drawings > MOST_DRAWINGS:
        raise BadPicture(f"The picture has {drawings} drawings.", hint=f"At most {MOST_DRAWINGS}.")


async def _has_drawings(tx: Transaction, drawings: Mapping[str, str]) -> None:
    _few(len(drawings))
    for name, digest in drawings.items():
        body = await store.find_content(tx, digest)
        try:
            msgspec.json.decode(body or b"", type=Drawing)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:  # nothing, or the file of a model
            raise BadPicture(f"The drawing {name!r} is not here.", hint="Add its file first.") from error
