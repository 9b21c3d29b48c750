"""How twins look: kept in versions, offered by their submodels, seen by whom may."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request

from lineshaft.kernel import http
from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import Forbidden
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import PLATFORM, Guard, Who
from lineshaft.telemetry import Live
from lineshaft.twins import Draft, Level, Repository, Scenes, Twins
from lineshaft.twins.api import scenes_router
from lineshaft.twins.errors import BadFile, BadTwin, NoFile, Outdated, Superseded
from lineshaft.twins.model.repository import Attachment, Json, Kind
from lineshaft.twins.model.scene import Scene, Spot
from lineshaft.twins.model.shell import asset_id, shell_id

from .conftest import ADA, BOB, EVE, FILLER, LINE, MODEL, audited, document, glb

CONTEXTS = ["lineshaft.security", "lineshaft.twins"]
MODELS = "urn:acme:models"
AT = "/api/v1/scenes"


async def test_an_uploaded_model_is_shown_with_its_parts_bound_by_name(scenes: Scenes, guard: Guard) -> None:
    model = glb(document("Machine_Speed", "speed", "Frame"))
    made = await scenes.attach(ADA, FILLER, "filler.glb", model, version=0)
    assert (made.version, made.file, made.bindings) == (1, "filler.glb", {"speed": ("speed",)})
    content, drawing = await scenes.model(EVE, FILLER)
    assert (content, drawing.parts) == (model, ("Machine_Speed", "speed", "Frame"))
    [entry] = await audited(guard, "twins.scene.change")
    assert entry.after == {"file": "filler.glb", "bound": 1, "placed": 0, "version": 1}


async def test_every_change_is_a_version_that_can_be_gone_back_to(scenes: Scenes) -> None:
    first = await scenes.attach(ADA, FILLER, "one.glb", MODEL, version=0)
    second = await scenes.save(ADA, FILLER, replace(first, bindings={"Frame": ("speed",)}))
    third = await scenes.detach(ADA, FILLER, version=second.version)
    assert (third.digest, third.bindings) == ("", {"Frame": ("speed",)})
    with pytest.raises(NoFile):
        await scenes.model(EVE, FILLER)
    back = await scenes.revert(ADA, FILLER, 2)
    assert (back.version, back.file, back.bindings) == (4, "one.glb", {"Frame": ("speed",)})
    assert (await scenes.model(EVE, FILLER))[0] == MODEL
    assert [one.scene.version for one in await scenes.history(EVE, FILLER)] == [4, 3, 2, 1]
    assert await scenes.revert(ADA, FILLER, 0) == Scene(version=5)
    with pytest.raises(Superseded):
        await scenes.revert(ADA, FILLER, 77)


async def test_nothing_changes_on_refusal(scenes: Scenes) -> None:
    made = await scenes.attach(ADA, FILLER, "one.glb", MODEL, version=0)
    with pytest.raises(Outdated):
        await scenes.save(ADA, FILLER, replace(made, bindings={}, version=0))
    with pytest.raises(BadTwin):
        await scenes.save(ADA, FILLER, replace(made, spots={"x": Spot(x=1e9, z=0)}))
    with pytest.raises(BadFile):
        await scenes.attach(ADA, FILLER, "two.glb", b"not a model", version=1)
    for work in (
        scenes.attach(EVE, FILLER, "x.glb", MODEL, version=1),
        scenes.save(EVE, FILLER, made),
        scenes.detach(EVE, FILLER, version=1),
        scenes.revert(EVE, FILLER, 0),
        scenes.get(BOB, FILLER),
        scenes.model(BOB, FILLER),
        scenes.layout(BOB, LINE),
    ):
        with pytest.raises(Forbidden):
            await work
    assert (await scenes.get(EVE, FILLER)).scene == made


async def test_of_those_who_save_the_same_version_at_once_one_succeeds_and_the_others_are_told(
    empty_postgres: Callable[[], Awaitable[Database]], live: Live
) -> None:
    db = await empty_postgres()
    try:
        await db.open(CONTEXTS)
        guard = Guard(db)
        twins = Twins(db, guard, live)
        await twins.create(PLATFORM, Draft(path=FILLER, level=Level.ASSET), with_parents=True)
        scenes = Scenes(db, guard, twins, Repository(db, guard, "acme"))
        for version in range(5):
            looks = [Scene(spots={FILLER.name: Spot(x=float(n), z=0)}, version=version) for n in range(4)]
            saved = [scenes.save(ADA, FILLER, one) for one in looks]
            done = await asyncio.gather(*saved, return_exceptions=True)
            assert sorted(type(one).__name__ for one in done) == ["Outdated", "Outdated", "Outdated", "Scene"]
    finally:
        await db.close()


async def test_a_twin_that_moves_keeps_its_looks(scenes: Scenes, line: Twins) -> None:
    made = await scenes.attach(ADA, FILLER, "one.glb", MODEL, version=0)
    await line.move(ADA, FILLER, f"{LINE}/filler-old")
    assert (await scenes.get(EVE, f"{LINE}/filler-old")).scene == made


async def models3d(repository: Repository, twins: Twins, content: bytes, name: str = "filler.glb") -> None:
    """Give the filler a submodel with a model in it, as IDTA 02026 does."""
    file: Json = {"modelType": "File", "idShort": "DigitalFile", "contentType": "model/gltf-binary"}
    submodel: Json = {"modelType": "Submodel", "id": MODELS, "idShort": "Models3D", "submodelElements": [file]}
    await repository.create(ADA, Kind.SUBMODEL, submodel, place=FILLER)
    attachment = Attachment(name=name, content_type="model/gltf-binary", content=content)
    await repository.put_file(ADA, Kind.SUBMODEL, MODELS, "DigitalFile", attachment)
    reference = {"type": "ModelReference", "keys": [{"type": "Submodel", "value": MODELS}]}

    def refer(shell: Json) -> Json:
        return {**shell, "submodels": [*shell["submodels"], reference]}

    await repository.change(ADA, Kind.SHELL, shell_id((await twins.get(ADA, FILLER)).id), refer)


async def test_the_model_in_a_twins_submodels_is_shown_until_another_is_uploaded(
    scenes: Scenes, repository: Repository, line: Twins
) -> None:
    await models3d(repository, line, MODEL)
    looks = await scenes.get(EVE, FILLER)
    assert looks.offered is not None
    assert (looks.offered.submodel, looks.offered.path, looks.offered.name) == (MODELS, "DigitalFile", "filler.glb")
    assert (await scenes.model(EVE, FILLER))[0] == MODEL
    other = glb(document("Only"))
    await scenes.attach(ADA, FILLER, "other.glb", other, version=0)
    assert (await scenes.get(EVE, FILLER)).offered is None
    assert (await scenes.model(EVE, FILLER))[0] == other


async def test_a_hostile_model_in_a_submodel_is_not_handed_out(
    scenes: Scenes, repository: Repository, line: Twins
) -> None:
    content = document("A")
    content["buffers"][0]["uri"] = "http://169.254.169.254/"
    await models3d(repository, line, glb(content))
    with pytest.raises(BadFile, match="points outside of itself"):
        await scenes.model(EVE, FILLER)


async def test_a_layout_follows_what_feeds_what(scenes: Scenes, repository: Repository, line: Twins) -> None:
    assert [one.path for one in await scenes.layout(EVE, LINE)] == ["filler", "capper", "labeller"]
    assets = {name: asset_id((await line.get(ADA, f"{LINE}/{name}")).id) for name in ("filler", "labeller")}
    keys = {name: {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": asset}]}
            for name, asset in assets.items()}  # fmt: skip
    relation: Json = {
        "modelType": "RelationshipElement",
        "idShort": "LabellerFeedsFiller",
        "semanticId": {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": "feeds"}]},
        "first": keys["labeller"],
        "second": keys["filler"],
    }
    submodel: Json = {"modelType": "Submodel", "id": "urn:acme:flow", "idShort": "Flow", "submodelElements": [relation]}
    await repository.create(ADA, Kind.SUBMODEL, submodel, place=LINE)
    assert [one.path for one in await scenes.layout(EVE, LINE)] == ["capper", "labeller", "filler"]


async def test_a_machine_that_was_put_somewhere_stands_there_and_others_stay(scenes: Scenes) -> None:
    before = {one.path: one.spot for one in await scenes.layout(EVE, LINE)}
    await scenes.save(ADA, LINE, Scene(spots={"capper": Spot(x=3, z=8, turn=45)}))
    after = {one.path: one.spot for one in await scenes.layout(EVE, LINE)}
    assert after == {**before, "capper": Spot(x=3, z=8, turn=45)}


@pytest.fixture
async def api(scenes: Scenes) -> httpx.AsyncClient:
    app = FastAPI()
    http.install(app)
    app.include_router(scenes_router(scenes), prefix="/api/v1")
    people: dict[str, Who] = {"ada": ADA, "eve": EVE}

    @app.middleware("http")
    async def sign_in(request: Request, go_on: Any) -> Any:
        request.state.who = people.get(request.headers.get("x-who", "ada"))
        return await go_on(request)

    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


async def test_a_scene_over_http(api: httpx.AsyncClient) -> None:
    async with api:
        file = {"file": ("filler.glb", MODEL)}
        made = await api.post(f"{AT}/model", params={"path": FILLER, "version": 0}, files=file)
        assert made.status_code == 201, made.text
        found = await api.get(f"{AT}/model", params={"path": FILLER})
        assert (found.content, found.headers["content-type"]) == (MODEL, "model/gltf-binary")
        assert found.headers["x-content-type-options"] == "nosniff"
        parts = await api.get(f"{AT}/parts", params={"path": FILLER})
        assert parts.json() == ["Bearing_Temperature", "Frame", "speed.001"]
        body = {"bindings": {"Frame": ["speed"]}, "version": 1}
        saved = await api.put(AT, params={"path": FILLER}, json=body)
        assert (saved.json()["version"], saved.json()["bindings"]) == (2, {"Frame": ["speed"]})
        assert (await api.put(AT, params={"path": FILLER}, json=body)).status_code == 409
        refused = await api.put(AT, params={"path": FILLER}, json=body, headers={"x-who": "eve"})
        assert refused.status_code == 403
        gone = await api.delete(f"{AT}/model", params={"path": FILLER, "version": 2})
        assert gone.json()["file"] == ""
        back = await api.post(f"{AT}/revert", params={"path": FILLER, "version": 2})
        assert back.json()["file"] == "filler.glb"
        history = (await api.get(f"{AT}/history", params={"path": FILLER})).json()
        assert [(one["version"], one["by"]) for one in history] == [(4, "ada"), (3, "ada"), (2, "ada"), (1, "ada")]
        layout = (await api.get(f"{AT}/layout", params={"path": LINE})).json()
        assert [(one["path"], one["form"]) for one in layout] == [
            ("filler", "carousel"),
            ("capper", "carousel"),
            ("labeller", "carousel"),
        ]
        bad = await api.post(f"{AT}/model", params={"path": FILLER, "version": 4}, files={"file": ("a.glb", b"x")})
        assert bad.status_code == 400
        assert "no glTF model" in bad.json()["title"]


def test_paths_of_a_scene_are_told_from_its_twin() -> None:
    from lineshaft.twins.model.layout import relative

    assert relative(PlantPath("a/b/c"), PlantPath("a/b")) == "c"
    assert relative(PlantPath("a/b"), PlantPath("a/b")) == ""
