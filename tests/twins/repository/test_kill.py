"""`kill -9` at any moment: what was acknowledged is there, and the index fits the documents."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from lineshaft.kernel.db import Database
from lineshaft.security import PLATFORM, Guard
from lineshaft.twins.model.repository import Kind, Verb
from lineshaft.twins.service.repository import Repository
from lineshaft.twins.store.elements import COLUMNS, elements_of
from lineshaft.twins.store.repository_tables import ELEMENTS

from .conftest import submodel

KILLS = 4


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_t86_killing_the_writer_loses_nothing_acknowledged(tmp_path: Path) -> None:
    dice = random.Random(9)
    newest: dict[tuple[str, int], int] = {}
    for kill in range(KILLS):
        for kind, number, speed in await run_and_kill(tmp_path, 1_000_000 * kill, dice.uniform(0.5, 2.0)):
            newest[kind, number] = speed
    assert len(newest) > 20
    db = Database.at(tmp_path)
    await db.open(["lineshaft.security", "lineshaft.twins"])
    guard = Guard(db)
    repository = Repository(db, guard, "acme")
    for (kind, number), speed in newest.items():
        found = await repository.get(PLATFORM, Kind.SUBMODEL, f"urn:{'live' if kind == 'value' else kind}:{number}")
        document = json.loads(found.body)
        assert int(document["submodelElements"][0]["value"]) >= speed
        async with db.read() as tx:
            query = sa.select(*(ELEMENTS.c[name] for name in COLUMNS)).where(ELEMENTS.c.document == found.number)
            assert [tuple(row) for row in await tx.execute(query)] == elements_of(document)[0]
    assert (await guard.verify()).intact
    assert await told_last(repository) == {
        (kind, number): speed for (kind, number), speed in (await shown(repository)).items()
    }
    await db.close()


async def run_and_kill(folder: Path, start: int, after_s: float) -> list[tuple[str, int, int]]:
    """What a writer acknowledged until it was killed, so long after its first word."""
    script = str(Path(__file__).with_name("writing_process.py"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, script, str(folder), str(start), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    told = [await asyncio.wait_for(process.stdout.readline(), 60)]
    reading = asyncio.create_task(process.stdout.read())
    await asyncio.sleep(after_s)
    process.kill()
    lines = (told[0] + await reading).decode().split("\n")
    await process.wait()
    return [tuple(json.loads(line)) for line in lines[:-1]]  # the last one may be cut


async def shown(repository: Repository) -> dict[tuple[str, int], Any]:
    """The value of every document, as read."""
    page = await repository.page(PLATFORM, Kind.SUBMODEL)
    return {key(one.id): json.loads(one.body)["submodelElements"][0]["value"] for one in page.documents}


async def told_last(repository: Repository) -> dict[tuple[str, int], Any]:
    """The last value of every document that the feed tells of."""
    found: dict[tuple[str, int], Any] = {}
    after = 0
    while lines := await repository.feed(PLATFORM, after=after):
        after = lines[-1].seq
        for line in lines:
            if line.verb is Verb.VALUES:
                found[key(line.id)] = (line.values or {})["Speed"]
            else:
                found[key(line.id)] = json.loads(line.body or b"")["submodelElements"][0]["value"]
    return found


def key(id_: str) -> tuple[str, int]:
    _, kind, number = id_.split(":")
    return kind, int(number)


WRITES, NAMES = 100, ("Speed", "Torque", "Current", "Heat")


@pytest.mark.timeout(180)
async def test_t85_a_consumer_killed_in_the_middle_goes_on_by_its_cursor(repository: Repository, db: Database) -> None:
    """10,000 writes to 100 elements: each change once, in order for each element."""
    dice, made = random.Random(4), [submodel(n, **dict.fromkeys(NAMES, "0")) for n in range(25)]
    elements = [(one["id"], name) for one in made for name in NAMES]
    for one in made:
        await repository.create(PLATFORM, Kind.SUBMODEL, one)

    async def write(id_: str, name: str) -> None:
        for n in range(WRITES):
            await repository.write_values(PLATFORM, id_, {name: str(n)})

    writing = asyncio.gather(*(write(id_, name) for id_, name in elements))
    seen: list[tuple[int, str, str, dict[str, str] | None]] = []
    total = len(made) + len(elements) * WRITES
    for _ in range(3):
        await consume(db, seen, len(seen) + dice.randint(500, 2_500))
    assert len(seen) < total, "killed in the middle"
    await writing
    await consume(db, seen, total)
    assert [line[0] for line in seen] == list(range(1, total + 1))
    told = [
        (id_, name, value) for _, verb, id_, values in seen if verb == Verb.VALUES for name, value in values.items()
    ]
    for element in elements:
        assert [value for id_, name, value in told if (id_, name) == element] == [str(n) for n in range(WRITES)]


async def consume(db: Database, seen: list[Any], until: int) -> None:
    """Let a process follow the feed from the last line seen, and kill it after so many are."""
    script, url = str(Path(__file__).with_name("consuming_process.py")), db._url.replace("+aiosqlite", "")
    told = [script, url.replace("+psycopg", ""), str(seen[-1][0] if seen else 0)]
    process = await asyncio.create_subprocess_exec(sys.executable, *told, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    while len(seen) < until:
        seen.append(tuple(json.loads(await asyncio.wait_for(process.stdout.readline(), 60))))
    process.kill()
    await process.communicate()


async def test_two_processes_write_one_repository(tmp_path: Path) -> None:
    """Each sees at once what the other has written, also values."""
    first, second = Database.at(tmp_path), Database.at(tmp_path)
    await first.open(["lineshaft.security", "lineshaft.twins"])
    await second.open(["lineshaft.security", "lineshaft.twins"])
    one, other = Repository(first, Guard(first), "acme"), Repository(second, Guard(second), "acme")
    element = {"modelType": "Property", "idShort": "Speed", "valueType": "xs:int", "value": "0"}
    made = {"modelType": "Submodel", "id": "urn:a", "idShort": "Live", "submodelElements": [element]}
    await one.create(PLATFORM, Kind.SUBMODEL, made)
    for n in range(30):
        writer, reader = (one, other) if n % 2 else (other, one)
        await writer.write_values(PLATFORM, "urn:a", {"Speed": str(n)})
        found = json.loads((await reader.get(PLATFORM, Kind.SUBMODEL, "urn:a")).body)
        assert found["submodelElements"][0]["value"] == str(n)
    await asyncio.gather(
        *(
            repository.write_values(PLATFORM, "urn:a", {"Speed": str(n)})
            for n in range(50)
            for repository in (one, other)
        )
    )
    assert [line.seq for line in await one.feed(PLATFORM)] == list(range(1, 132))
    await first.close()
    await second.close()
