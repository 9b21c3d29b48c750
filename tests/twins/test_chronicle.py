"""Facts of the platform become entries of life-cycle records, once each, whoever was away meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from lineshaft.edge import ConnectionChanged, ConnectionStore, Edge, EdgeSettings, SetpointWritten
from lineshaft.kernel.bus import Bus
from lineshaft.kernel.db import Database
from lineshaft.kernel.outbox import relay
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import PLATFORM, Guard, Role
from lineshaft.twins import Draft, Level, Projection, Property, Repository, Twins
from lineshaft.twins.errors import Scrapped
from lineshaft.twins.events import DocumentChanged, DocumentsTaken, ModelChanged
from lineshaft.twins.model.record import PART, Entry, Happening
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.model.shell import made_for, shell_id
from lineshaft.twins.service.chronicle import Chronicle
from lineshaft.twins.worker import Chronicler, Projector

from .conftest import ADA, EVE, facts, person, settle

LINE = "acme/berlin/line-1"
PUMP = PlantPath(f"{LINE}/pump")
DRAFT = Draft(path=PUMP, level=Level.ASSET, properties=(Property(name="speed", writable=True), Property(name="flow")))
Told = list[tuple[Happening, str, str, str]]


@pytest.fixture
def repository(db: Database, guard: Guard, twins: Twins) -> Repository:
    return Repository(db, guard, "acme")


@pytest.fixture
def chronicle(db: Database, repository: Repository) -> Chronicle:
    return Chronicle(db, repository)


async def told(repository: Repository, twin: str = PUMP) -> Told:
    """What the record tells, oldest first: what, before, after, words."""
    account = await repository.records.of(PLATFORM, twin)
    return [(one.kind, one.was, one.now, one.text) for one in account.entries[::-1]]


async def test_every_change_of_a_twin_is_told_once_however_often_its_fact_comes(
    twins: Twins, repository: Repository, chronicle: Chronicle
) -> None:
    made = await twins.create(ADA, DRAFT)
    await twins.change(ADA, replace(DRAFT, type="pump"), version=1)
    await twins.change(ADA, replace(DRAFT, type="pump", title={"en": "Pump"}, icon="x"), version=2)
    await twins.change(
        ADA, replace(DRAFT, type="pump", title={"en": "Pump"}, icon="x", bindings={"flow": "acme/f"}), version=3
    )
    await twins.move(ADA, PUMP, "acme/berlin/pump")
    await Projection(twins, repository).all()
    assert await chronicle.twin(made.id) == 5
    assert await chronicle.twin(made.id) == 0
    assert await told(repository, "acme/berlin/pump") == [
        (Happening.CREATED, "", PUMP, ""),
        (Happening.TYPE_CHANGED, "", "pump", ""),
        (Happening.CHANGED, "", "", "title, icon"),
        (Happening.BOUND, "", "", "flow"),
        (Happening.MOVED, PUMP, "acme/berlin/pump", ""),
    ]
    account = await repository.records.of(EVE, "acme/berlin/pump")
    assert (account.life.place, {one.by for one in account.entries}) == ("acme/berlin/pump", {"ada"})


async def test_a_record_outlives_its_twin_and_is_back_with_it(
    twins: Twins, repository: Repository, chronicle: Chronicle
) -> None:
    made = await twins.create(ADA, DRAFT)
    projection = Projection(twins, repository)
    await projection.all()
    await chronicle.twin(made.id)
    gone = await twins.retire(ADA, PUMP)
    await projection.retired(made.id, PUMP)
    await chronicle.twin(made.id)
    id_ = made_for(shell_id(made.id), PART)
    left = orjson.loads((await repository.get(EVE, Kind.SUBMODEL, id_)).body)
    assert len(left["submodelElements"][-1]["value"]) == 2
    await twins.undo(ADA, gone.id)
    await projection.all()
    await chronicle.twin(made.id)
    assert [kind for kind, *_ in await told(repository)] == [Happening.CREATED, Happening.RETIRED, Happening.RETURNED]


async def test_a_record_begun_before_its_shell_is_found_by_it(
    twins: Twins, repository: Repository, chronicle: Chronicle
) -> None:
    made = await twins.create(ADA, DRAFT)
    assert await chronicle.twin(made.id) == 1
    await Projection(twins, repository).all()
    assert await told(repository) == [(Happening.CREATED, "", PUMP, "")]
    shell = orjson.loads((await repository.get(EVE, Kind.SHELL, shell_id(made.id))).body)
    assert made_for(shell_id(made.id), PART) in [one["keys"][0]["value"] for one in shell["submodels"]]


async def test_twins_without_a_record_get_theirs_at_the_start(
    twins: Twins, repository: Repository, chronicle: Chronicle
) -> None:
    await twins.create(ADA, DRAFT)
    await Projection(twins, repository).all()
    assert await chronicle.all() == 4
    assert await chronicle.all() == 0
    assert [kind for kind, *_ in await told(repository, LINE)] == [Happening.CREATED]


async def test_setpoints_and_models_are_told_at_the_twin_they_concern(
    twins: Twins, repository: Repository, chronicle: Chronicle
) -> None:
    await twins.create(ADA, DRAFT)
    await Projection(twins, repository).all()
    written = SetpointWritten(id="w1", path=f"{PUMP}/speed", value="42.5", by="otto", at_us=1)
    model = ModelChanged(path=PUMP, name="curve", mechanism="pump", verb="saved", by="ada", at_us=2)
    for _ in range(2):
        await chronicle.setpoint(written)
        await chronicle.model(model)
        await chronicle.setpoint(replace_path(written, "acme/elsewhere/speed"))
    assert await told(repository) == [
        (Happening.SETPOINT, "", "42.5", "speed = 42.5"),
        (Happening.MODEL, "", "", "saved curve (pump)"),
    ]


def replace_path(fact: SetpointWritten, path: str) -> SetpointWritten:
    return SetpointWritten(id="w2", path=path, value=fact.value, by=fact.by, at_us=fact.at_us)


async def announced(db: Database, name: str) -> list[bytes]:
    return [body for kind, body in await facts(db) if kind == name]


async def test_submodels_that_people_write_and_files_they_bring_are_told(
    twins: Twins, repository: Repository, chronicle: Chronicle, db: Database
) -> None:
    from lineshaft.kernel.wire import decode

    await twins.create(ADA, DRAFT)
    await Projection(twins, repository).all()
    plate = {"modelType": "Submodel", "id": "urn:plate", "idShort": "Nameplate"}
    await repository.create(ADA, Kind.SUBMODEL, plate, place=PUMP)
    await repository.take_in(
        ADA, {"submodels": [plate | {"id": f"urn:d:{n}", "idShort": f"Doc{n}"} for n in (1, 2)]}, place=PUMP
    )
    changed = [decode(body, DocumentChanged) for body in await announced(db, "document_changed")]
    taken = [decode(body, DocumentsTaken) for body in await announced(db, "documents_taken")]
    for _ in range(2):
        for fact in changed:
            await chronicle.document(fact)
        for batch in taken:
            await chronicle.taken(batch)
    assert await told(repository) == [
        (Happening.DOCUMENT, "", "", "created Nameplate"),
        (Happening.IMPORTED, "", "", "Doc1, Doc2"),
    ]


async def test_a_connection_is_told_at_the_twins_that_read_its_tags(
    twins: Twins, repository: Repository, db: Database, guard: Guard, tmp_path: Path
) -> None:
    await db.open(["lineshaft.edge"])
    await twins.create(ADA, DRAFT)
    await Projection(twins, repository).all()
    edge = Edge.offline(EdgeSettings(), organisation="acme", store=ConnectionStore(db), guard=guard)
    raw = {
        "name": "plc", "path": LINE, "host": "127.0.0.1", "port": 502,
        "tags": [{"path": "pump/speed", "address": "1!input:0:float32"}],
    }  # fmt: skip
    saved = await edge.save(ADA, "modbus", raw)
    chronicle = Chronicle(db, repository, edge)
    for _ in range(2):
        await chronicle.connection(ConnectionChanged(name="plc", version=saved.version))
    assert await told(repository) == [(Happening.BOUND, "", "plc 1", "plc")]


async def test_what_was_scrapped_takes_no_change_of_the_tree_but_may_leave_it(
    twins: Twins, repository: Repository
) -> None:
    await twins.create(ADA, replace(DRAFT, bindings={"flow": "acme/f"}))
    await Projection(twins, repository).all()
    scrapped = Entry(fact="", kind=Happening.SCRAPPED, at_us=1, by="")
    await repository.records.add(ADA, PUMP, scrapped)
    with pytest.raises(Scrapped):
        await twins.change(ADA, replace(DRAFT, title={"en": "Again"}), version=1)
    with pytest.raises(Scrapped):
        await twins.move(ADA, PUMP, "acme/berlin/pump")
    for path in (PUMP.child("speed"), PlantPath("acme/f")):
        with pytest.raises(Scrapped):
            await repository.records.check_setpoint(ADA, path, 1.0)
    await repository.records.check_setpoint(ADA, PlantPath("acme/elsewhere/speed"), 1.0)
    assert (await twins.get(EVE, PUMP)).version == 1
    gone = await twins.retire(ADA, PUMP)
    await twins.undo(ADA, gone.id)
    root = person("root", Role.ADMIN)
    await repository.records.add(root, PUMP, replace(scrapped, kind=Happening.REINSTATED))
    await twins.move(ADA, PUMP, "acme/berlin/pump")


async def test_a_new_twin_where_one_was_scrapped_lives_its_own_life(twins: Twins, repository: Repository) -> None:
    await twins.create(ADA, DRAFT)
    await Projection(twins, repository).all()
    await repository.records.add(ADA, PUMP, Entry(fact="", kind=Happening.SCRAPPED, at_us=1, by=""))
    await twins.retire(ADA, PUMP)
    await twins.create(ADA, DRAFT)
    await Projection(twins, repository).all()
    await twins.change(ADA, replace(DRAFT, title={"en": "Again"}), version=1)


async def test_what_happens_in_the_tree_reaches_the_record(
    twins: Twins, repository: Repository, chronicle: Chronicle, bus: Bus, db: Database
) -> None:
    work = [
        asyncio.create_task(Projector(Projection(twins, repository), bus).run()),
        asyncio.create_task(Chronicler(chronicle, bus).run()),
        asyncio.create_task(relay(db, bus)),
    ]
    try:
        await twins.create(ADA, DRAFT)
        await settle(lambda: told(repository), [(Happening.CREATED, "", PUMP, "")])
        await twins.move(ADA, PUMP, "acme/berlin/pump")
        await settle(
            lambda: told(repository, "acme/berlin/pump"),
            [(Happening.CREATED, "", PUMP, ""), (Happening.MOVED, PUMP, "acme/berlin/pump", "")],
        )
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
