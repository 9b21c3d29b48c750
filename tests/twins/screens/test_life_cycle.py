"""The tab of a twin's life: a picture of it, every entry, and adding one."""

from __future__ import annotations

from typing import Any

import pytest

from lineshaft.console import Table, Timeline
from lineshaft.kernel.clock import now_us
from lineshaft.security import Role
from lineshaft.twins import Repository
from lineshaft.twins.model.record import Entry, Happening
from lineshaft.twins.pages.naming import twin_address
from lineshaft.twins.service.repository import Repository as Documents

from .conftest import ADA, EVE, HALL, PUMP, Visit, eventually, part, parts, person, put, until

DAY = 86_400_000_000
LIFE = f"{twin_address(PUMP)}?tab=life"


def entry(kind: Happening, days_ago: float, **said: Any) -> Entry:
    return Entry(fact="", kind=kind, at_us=now_us() - round(days_ago * DAY), by="", **said)


@pytest.fixture(autouse=True)
async def lived(repository: Repository) -> Repository:
    """A pump with two years behind it."""
    await put(repository)
    created = Entry(fact="twin:1", kind=Happening.CREATED, at_us=now_us() - 700 * DAY, by="ada", now=HALL)
    await repository.records.tell(PUMP, HALL, [created])
    for one in (
        entry(Happening.COMMISSIONED, 500),
        entry(Happening.HANDED_OVER, 400, party="Beta Ltd"),
        entry(Happening.LEASED, 100, party="Gamma AG", until_us=now_us() + 30 * DAY),
        entry(Happening.MAINTAINED, 10, text="new seal"),
    ):
        await repository.records.add(ADA, PUMP, one)
    return repository


async def test_a_life_is_drawn_in_lanes_and_told_entry_by_entry(visit: Visit) -> None:
    async with visit(LIFE, who=EVE) as user:
        table = await part(user, Table, "Entries")
        await until(lambda: len(table.rows) == 5)
        assert [(row["what"], row["text"]) for row in table.rows][0::4] == [
            ("Maintained", "new seal"), ("Created", "")
        ]  # fmt: skip
        (drawn,) = parts(user, Timeline)
        lanes = {row["name"]: row for row in drawn.state["rows"]}
        assert list(lanes) == ["Phase", "Owner", "Place", "Leases", "Maintenance", "Changes"]
        phases = lanes["Phase"]["stretches"]
        assert [(one["label"], one["look"]) for one in phases] == [
            ("In engineering", "unknown"),
            ("In operation", "run"),
        ]
        whole = 730
        assert (phases[0]["left"], phases[0]["width"]) == (0.0, pytest.approx(200 / whole * 100, abs=0.1))
        assert lanes["Leases"]["stretches"][0]["width"] == pytest.approx(130 / whole * 100, abs=0.1)
        assert lanes["Maintenance"]["moments"][0]["told"].startswith("Maintained: new seal · ")
        await user.should_see("Beta Ltd")
        await user.should_not_see("Add an entry")


async def test_it_speaks_chinese(visit: Visit) -> None:
    async with visit(LIFE, language="zh") as user:
        table = await part(user, Table, "条目")
        await until(lambda: len(table.rows) == 5)
        assert table.rows[0]["what"] == "已维护"
        assert parts(user, Timeline)[0].state["rows"][0]["name"] == "阶段"


async def test_an_operator_adds_what_was_maintained(visit: Visit, repository: Documents) -> None:
    otto = person("otto", Role.OPERATOR)
    async with visit(LIFE, who=otto) as user:
        await user.should_see("Add an entry", retries=50)
        user.find("Add an entry").click()
        await user.should_see("To whom, or by whom", retries=50)
        user.find(marker="field-text").type("belt changed")
        user.find("Add to the record").click()

        async def added() -> bool:
            account = await repository.records.of(EVE, PUMP, limit=1)
            return (account.entries[0].kind, account.entries[0].text, account.entries[0].by) == (
                Happening.MAINTAINED, "belt changed", "otto"
            )  # fmt: skip

        await eventually(added)


async def test_what_was_scrapped_offers_no_more_entries(visit: Visit, repository: Documents) -> None:
    await repository.records.add(ADA, PUMP, entry(Happening.SCRAPPED, 1))
    async with visit(LIFE) as user:
        await user.should_see("Scrapped", retries=50)
        await user.should_not_see("Add an entry")
    async with visit(LIFE, who=person("root", Role.ADMIN)) as user:
        await user.should_see("Add an entry", retries=50)
