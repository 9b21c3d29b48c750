"""How twins look in three dimensions: models, what their parts stand for, and layouts where there is no model.

A model comes from an upload, else from a file the twin's submodels carry (IDTA 02026, Provision of 3D Models, or
any File element that holds glTF). Every file is examined before it is kept, and before it is handed out.
Each change is a version; going back to one is a change too.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import orjson

from lineshaft.kernel.clock import now_us
from lineshaft.kernel.db import Database
from lineshaft.kernel.tasks import in_thread
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Guard, Role, Who
from lineshaft.twins import store
from lineshaft.twins.errors import NoDocument, NoFile, Outdated, Superseded
from lineshaft.twins.files.gltf import Drawing, examine
from lineshaft.twins.metamodel.kinds import FILE, kind_of
from lineshaft.twins.metamodel.paths import walk
from lineshaft.twins.model import Level, Twin
from lineshaft.twins.model.layout import Solid, Standing, laid_out, relative
from lineshaft.twins.model.repository import Json, Kind
from lineshaft.twins.model.scene import Scene, SceneVersion, check_scene, guessed
from lineshaft.twins.model.shell import asset_id, shell_id

from .repository import Repository
from .twins import Twins

MOST_MACHINES = 400
"""Machines one layout shows."""
_TYPES = ("model/gltf-binary", "model/gltf+json")
_ENDINGS = (".glb", ".gltf")
_MACHINES = (Level.ASSET, Level.COMPONENT)
_PLACES = tuple(level for level in Level if level not in _MACHINES)
MOST_PLACES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A File element of a twin that holds a model."""

    submodel: str
    path: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """A twin with its scene; `offered` is the model in its submodels when none was uploaded."""

    twin: Twin
    scene: Scene
    offered: Offered | None = None

    @property
    def has_model(self) -> bool:
        return bool(self.scene.digest) or self.offered is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """A place with more machines and parts than one layout shows, and the smaller places to draw instead."""

    machines: int
    most: int
    """How many a layout shows."""
    places: tuple[tuple[Twin, int], ...]
    """Each with how many stand there, by path."""


class Scenes:
    """The looks of twins."""

    def __init__(self, db: Database, guard: Guard, twins: Twins, repository: Repository) -> None:
        self._db = db
        self._guard = guard
        self._twins = twins
        self._repository = repository

    # ---- looking ----

    async def get(self, who: Who, path: str) -> Looks:
        """How a twin looks; version 0 when nobody has said anything about it yet."""
        twin = await self._twins.get(who, path)
        scene = await self._scene(twin)
        return Looks(twin=twin, scene=scene, offered=None if scene.digest else await self._offered(who, twin))

    async def model(self, who: Who, path: str) -> tuple[bytes, Drawing]:
        """The model of a twin with its parts; NoFile without one, BadFile when what is offered cannot be shown."""
        looks = await self.get(who, path)
        if looks.scene.digest:
            async with self._db.read() as tx:
                content = await store.find_drawing(tx, looks.scene.digest)
        elif (offered := looks.offered) is not None:
            file = await self._repository.get_file(who, Kind.SUBMODEL, offered.submodel, offered.path)
            content = file.content
        else:
            content = None
        if content is None:
            raise NoFile(f"{path} has no 3D model.", hint="Upload a GLB file, or look at its generated layout.")
        return content, await in_thread(examine, content)

    async def layout(self, who: Who, path: str) -> list[Solid]:
        """The machines at and below a place, each where it stands, along what feeds what."""
        twin = await self._twins.get(who, path)
        found = await self._twins.list_(who, under=path, levels=_MACHINES, limit=MOST_MACHINES)
        top = twin.path
        shown = [one for one in found if one.path == top or not _inside_machine(one, found, top)]
        names = {asset_id(one.id): relative(one.path, top) for one in shown}
        feeds = [(names[a], names[b]) for a, b in await self._repository.graph.among(who, names)]
        return laid_out([_standing(one, top) for one in shown], feeds, (await self._scene(twin)).spots)

    async def crowd(self, who: Who, path: str) -> Crowd | None:
        """What to draw instead of a place that holds more than a layout shows; None when it shows everything."""
        machines = await self._twins.count(who, under=path, levels=_MACHINES)
        if machines <= MOST_MACHINES:
            return None
        below = await self._twins.list_(who, under=path, levels=_PLACES, limit=MOST_PLACES)
        counted = [(one, await self._twins.count(who, under=one.path, levels=_MACHINES)) for one in below]
        places = tuple((one, n) for one, n in counted if n and one.path != path)
        return Crowd(machines=machines, most=MOST_MACHINES, places=places)

    async def history(self, who: Who, path: str) -> list[SceneVersion]:
        """The versions of a scene that are kept, newest first."""
        twin = await self._twins.get(who, path)
        async with self._db.read() as tx:
            return await store.scene_versions(tx, twin.id)

    # ---- changing ----

    async def attach(self, who: Who, path: str, name: str, content: bytes, *, version: int) -> Scene:
        """Show a twin by a model; its parts are bound to the properties whose names they have."""
        await self._guard.require(who, Role.ENGINEER, path, "twins.scene.change")
        drawing = await in_thread(examine, content)
        twin = await self._twins.get(who, path)
        digest = hashlib.sha256(content).hexdigest()
        scene = await self._scene(twin)
        bound = {part: told for part, told in scene.bindings.items() if part in drawing.parts}
        bound = {**guessed(drawing.parts, await self.properties(who, twin)), **bound}
        return await self._put(
            who, twin, replace(scene, digest=digest, file=name[:255], bindings=bound, version=version), content
        )

    async def save(self, who: Who, path: str, scene: Scene) -> Scene:
        """Bindings and places as given, on top of the version the caller saw; the model stays."""
        await self._guard.require(who, Role.ENGINEER, path, "twins.scene.change")
        twin = await self._twins.get(who, path)
        now = await self._scene(twin)
        return await self._put(who, twin, replace(scene, digest=now.digest, file=now.file))

    async def detach(self, who: Who, path: str, *, version: int) -> Scene:
        """Show a twin by its uploaded model no more."""
        await self._guard.require(who, Role.ENGINEER, path, "twins.scene.change")
        twin = await self._twins.get(who, path)
        now = await self._scene(twin)
        if not now.digest:
            raise NoFile(f"{path} has no 3D model that was uploaded.")
        return await self._put(who, twin, replace(now, digest="", file="", version=version))

    async def revert(self, who: Who, path: str, version: int) -> Scene:
        """Go back to how a twin looked at a version; 0 is before anybody said anything."""
        await self._guard.require(who, Role.ENGINEER, path, "twins.scene.change")
        twin = await self._twins.get(who, path)
        versions = await self.history(who, path)
        known = {one.scene.version: one.scene for one in versions}
        if version not in known and version != 0:
            raise Superseded(
                f"Version {version} of the scene of {path} is not kept any more.", hint="Take a later one."
            )
        was, now = known.get(version, Scene()), versions[0].scene if versions else Scene()
        return await self._put(who, twin, replace(was, version=now.version))

    async def properties(self, who: Who, twin: Twin) -> list[str]:
        """What parts of a twin's model can stand for: its properties and those of its parts, relative to it."""
        points = await self._twins.now.points(who, twin.path)
        return [relative(point.path, twin.path) for point in points]

    # ---- inside ----

    async def _scene(self, twin: Twin) -> Scene:
        async with self._db.read() as tx:
            versions = await store.scene_versions(tx, twin.id)
        return versions[0].scene if versions else Scene()

    async def _put(self, who: Who, twin: Twin, scene: Scene, content: bytes | None = None) -> Scene:
        check_scene(scene)
        async with self._db.begin() as tx:
            versions = await store.scene_versions(tx, twin.id)
            standing = versions[0].scene.version if versions else 0
            if standing != scene.version:
                raise _outdated(twin, standing, scene)
            made = replace(scene, version=standing + 1)
            if content is not None:
                await store.keep_drawing(tx, scene.digest, content)
            if not await store.put_scene(tx, twin.id, SceneVersion(scene=made, at_us=now_us(), by=who.name)):
                raise _outdated(twin, made.version, scene)
            before = _told(versions[0].scene) if versions else None
            after = _told(made)
            await self._guard.record(who, "twins.scene.change", str(twin.path), before=before, after=after, tx=tx)
        return made

    async def _offered(self, who: Who, twin: Twin) -> Offered | None:
        """The first File element of the twin's submodels that holds a model."""
        try:
            shell = orjson.loads((await self._repository.get(who, Kind.SHELL, shell_id(twin.id))).body)
        except NoDocument:
            return None
        for reference in shell.get("submodels", ()):
            found = await self._in_submodel(who, reference["keys"][-1]["value"])
            if found is not None:
                return found
        return None

    async def _in_submodel(self, who: Who, id_: str) -> Offered | None:
        try:
            content = orjson.loads((await self._repository.get(who, Kind.SUBMODEL, id_, newest=0)).body)
        except NoDocument:
            return None
        for path, element in walk(content):
            if kind_of(element) == FILE and _holds_model(element):
                return Offered(submodel=id_, path=path, name=str(element["value"]).rsplit("/", 1)[-1])
        return None


def _outdated(twin: Twin, standing: int, scene: Scene) -> Outdated:
    return Outdated(f"The scene of {twin.path} is at version {standing}, not {scene.version}.")


def _holds_model(element: Json) -> bool:
    """Whether a File element names a model that is kept here; an address elsewhere is nothing we fetch."""
    value, kind = str(element.get("value") or ""), str(element.get("contentType") or "")
    return value.startswith("/") and (kind in _TYPES or value.lower().endswith(_ENDINGS))


def _inside_machine(one: Twin, found: list[Twin], top: str) -> bool:
    """Whether another machine that is shown holds this one; the place asked about itself does not count."""
    return any(one.path != other.path and one.path.within(other.path) for other in found if other.path != top)


def _standing(one: Twin, top: str) -> Standing:
    row = str(one.path.parent or "") if one.path != top else ""
    return Standing(path=relative(one.path, PlantPath(top)), row=row, type=one.draft.type)


def _told(scene: Scene) -> dict[str, object]:
    """What an audit row says of a scene."""
    return {"file": scene.file, "bound": len(scene.bindings), "placed": len(scene.spots), "version": scene.version}
