"""How twins look in three dimensions, over HTTP: models, bindings of their parts, layouts, versions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from lineshaft.kernel.clock import from_us
from lineshaft.kernel.http import caller
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Who
from lineshaft.twins.files.gltf import MOST_MB
from lineshaft.twins.model.layout import Solid
from lineshaft.twins.model.scene import Scene, SceneVersion, Spot
from lineshaft.twins.service import Scenes

Caller = Annotated[Who, Depends(caller)]
Path = Annotated[PlantPath, Query()]


class SpotBody(BaseModel):
    """Where a machine stands, in metres, and how it is turned, in degrees."""

    model_config = ConfigDict(extra="forbid")

    x: float
    z: float
    turn: float = 0.0


class SceneBody(BaseModel):
    """What parts of the model stand for, and where machines stand; paths are relative to the twin."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    bindings: dict[str, list[str]] = Field(default_factory=dict)
    """Name of a node of the model to properties."""
    spots: dict[str, SpotBody] = Field(default_factory=dict)
    version: int = 0
    """The version you saw."""

    def scene(self) -> Scene:
        return Scene(
            bindings={part: tuple(told) for part, told in self.bindings.items()},
            spots={path: Spot(x=one.x, z=one.z, turn=one.turn) for path, one in self.spots.items()},
            version=self.version,
        )


class SceneOut(SceneBody):
    """A scene as it is."""

    file: str
    """Of the uploaded model; empty without one."""

    @classmethod
    def of(cls, scene: Scene) -> SceneOut:
        return cls(
            bindings={part: list(told) for part, told in scene.bindings.items()},
            spots={path: SpotBody(x=one.x, z=one.z, turn=one.turn) for path, one in scene.spots.items()},
            version=scene.version,
            file=scene.file,
        )


class SolidOut(BaseModel):
    """A machine of a layout; `path` is relative to the place, sizes are metres."""

    path: str
    form: str
    width: float
    depth: float
    height: float
    spot: SpotBody
    moved: bool

    @classmethod
    def of(cls, solid: Solid) -> SolidOut:
        shape, spot = solid.shape, solid.spot
        return cls(
            path=solid.path,
            form=shape.form,
            width=shape.width,
            depth=shape.depth,
            height=shape.height,
            spot=SpotBody(x=spot.x, z=spot.z, turn=spot.turn),
            moved=solid.moved,
        )


class PlaceOut(BaseModel):
    """A place and how many machines and parts stand there."""

    path: str
    machines: int


class CrowdOut(BaseModel):
    """How many a place holds that are more than `most`, which a layout shows at most, and what to draw instead."""

    machines: int
    most: int
    places: list[PlaceOut]


class VersionOut(BaseModel):
    """A version of a scene."""

    version: int
    at: datetime
    by: str
    file: str

    @classmethod
    def of(cls, one: SceneVersion) -> VersionOut:
        return cls(version=one.scene.version, at=from_us(one.at_us), by=one.by, file=one.scene.file)


def router(scenes: Scenes) -> APIRouter:
    """The routes of scenes, below /api/v1."""
    api = APIRouter(prefix="/scenes", tags=["scenes"])

    @api.get("")
    async def get(who: Caller, path: Path) -> SceneOut:
        """How a twin looks."""
        return SceneOut.of((await scenes.get(who, path)).scene)

    @api.put("")
    async def save(who: Caller, path: Path, body: SceneBody) -> SceneOut:
        """Bind parts and place machines, on top of the version you saw."""
        return SceneOut.of(await scenes.save(who, path, body.scene()))

    @api.get("/layout")
    async def layout(who: Caller, path: Path) -> list[SolidOut]:
        """The machines at and below a place, each where it stands."""
        return [SolidOut.of(one) for one in await scenes.layout(who, path)]

    @api.get("/crowd")
    async def crowd(who: Caller, path: Path) -> CrowdOut | None:
        """The smaller places to draw where one holds more than its layout shows; null when that shows everything."""
        found = await scenes.crowd(who, path)
        if found is None:
            return None
        places = [PlaceOut(path=str(one.path), machines=count) for one, count in found.places]
        return CrowdOut(machines=found.machines, most=found.most, places=places)

    @api.get("/parts")
    async def parts(who: Caller, path: Path) -> list[str]:
        """The parts of a twin's model that can be bound."""
        return list((await scenes.model(who, path))[1].parts)

    @api.get("/model", response_class=Response)
    async def model(who: Caller, path: Path) -> Response:
        """The model of a twin, as glTF or GLB."""
        content, _ = await scenes.model(who, path)
        kind = "model/gltf-binary" if content[:4] == b"glTF" else "model/gltf+json"
        return Response(content, media_type=kind, headers={"X-Content-Type-Options": "nosniff"})

    @api.post("/model", status_code=201)
    async def attach(who: Caller, path: Path, version: int, file: UploadFile) -> SceneOut:
        """Show a twin by a GLB or glTF file; parts are bound to the properties whose names they have."""
        content = await file.read((MOST_MB << 20) + 1)
        return SceneOut.of(await scenes.attach(who, path, file.filename or "model", content, version=version))

    @api.delete("/model")
    async def detach(who: Caller, path: Path, version: int) -> SceneOut:
        """Show a twin by its uploaded model no more."""
        return SceneOut.of(await scenes.detach(who, path, version=version))

    @api.get("/history")
    async def history(who: Caller, path: Path) -> list[VersionOut]:
        """The versions that are kept, newest first."""
        return [VersionOut.of(one) for one in await scenes.history(who, path)]

    @api.post("/revert")
    async def revert(who: Caller, path: Path, version: int) -> SceneOut:
        """Go back to a version; 0 is before anybody said anything."""
        return SceneOut.of(await scenes.revert(who, path, version))

    return api
