"""Permission is checked, refusals and changes are audited, and the audit log cannot be altered unseen."""

from __future__ import annotations

import asyncio
import re

import pytest
import sqlalchemy as sa

from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import Forbidden
from lineshaft.security import PLATFORM, AuditFilter, Grant, Guard, Outcome, Role, Who, WhoKind
from lineshaft.security.service.denials import MANY, MOST_PER_ACTOR, Denial, Denials

ADA = Who(id="ada", name="Ada", kind=WhoKind.USER, grants=(Grant(role=Role.VIEWER, subtree="acme"),), origin="10.0.0.7")
BOSS = Who(id="boss", name="Boss", kind=WhoKind.USER, grants=(Grant(role=Role.ADMIN, subtree="acme"),))


@pytest.fixture
async def guard(db: Database) -> Guard:
    await db.open(["lineshaft.security"])
    return Guard(db)


async def test_a_role_covers_its_subtree_and_everything_lesser(guard: Guard) -> None:
    assert guard.allowed(BOSS, Role.ENGINEER, "acme/berlin")
    assert guard.allowed(ADA, Role.VIEWER, "acme")
    assert not guard.allowed(ADA, Role.OPERATOR, "acme/berlin")
    assert not guard.allowed(BOSS, Role.VIEWER, "acmes")
    assert not guard.allowed(BOSS, Role.VIEWER, "")
    assert guard.allowed(PLATFORM, Role.ADMIN, "")


async def test_a_refusal_names_who_role_and_place_and_is_audited(guard: Guard) -> None:
    with pytest.raises(Forbidden, match=r"Ada is only viewer on acme/berlin; edge\.write needs the role engineer\."):
        await guard.require(ADA, Role.ENGINEER, "acme/berlin", "edge.write")
    (row,) = await guard.entries(PLATFORM)
    assert (row.actor_id, row.action, row.subject, row.origin) == ("ada", "edge.write", "acme/berlin", "10.0.0.7")
    assert (row.outcome, row.count, row.seq) == (Outcome.DENIED, 1, 1)


async def test_a_permitted_deed_leaves_no_refusal(guard: Guard) -> None:
    await guard.require(BOSS, Role.ADMIN, "acme/berlin", "edge.write")
    assert await guard.entries(PLATFORM) == []


async def test_a_flood_of_equal_refusals_becomes_two_rows_with_a_count(guard: Guard) -> None:
    for _ in range(200):
        with pytest.raises(Forbidden):
            await guard.require(ADA, Role.ENGINEER, "acme", "edge.write")
    assert len(await guard.entries(PLATFORM)) == 1
    await guard.settle(everything=True)
    assert [row.count for row in await guard.entries(PLATFORM)] == [199, 1]
    assert (await guard.verify()).intact


def test_counts_come_out_when_their_minute_has_ended() -> None:
    now = 0.0
    denials = Denials(clock=lambda: now)
    one = Denial(who=ADA, action="a", path="p", subject="p")
    assert denials.add(one) == [one]
    assert denials.add(one) == []
    assert denials.due() == []
    now = 60.0
    assert denials.add(one) == [one, one]
    now = 200.0
    assert denials.due() == []


def test_refusals_in_ever_new_places_are_counted_together() -> None:
    denials = Denials(clock=lambda: 0.0)
    rows = [d for n in range(1000) for d in denials.add(Denial(who=ADA, action="a", path=f"p{n}", subject="p"))]
    assert len(rows) == MOST_PER_ACTOR + 1
    assert rows[-1].path == MANY
    assert [d.count for d in denials.due(everything=True)] == [1000 - MOST_PER_ACTOR - 1]


def test_refusals_of_ever_new_actors_are_counted_together() -> None:
    denials = Denials(clock=lambda: 0.0)
    actors = (Who(id=f"x{n}", name="x", kind=WhoKind.USER) for n in range(5000))
    rows = [d for who in actors for d in denials.add(Denial(who=who, action="a", path="p", subject="p"))]
    assert len(rows) == 601
    assert sum(d.count for d in denials.due(everything=True)) == 5000 - 601


async def test_a_change_is_recorded_with_its_transaction_or_not_at_all(guard: Guard, db: Database) -> None:
    async def fail() -> None:
        async with db.begin() as tx:
            await guard.record(BOSS, "twins.create", "acme/x", after={"kind": "pump"}, tx=tx)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await guard.entries(PLATFORM) == []
    async with db.begin() as tx:
        await guard.record(BOSS, "twins.create", "acme/x", before=None, after={"kind": "pump"}, tx=tx)
    (row,) = await guard.entries(PLATFORM)
    assert (row.before, row.after, row.outcome) == (None, {"kind": "pump"}, Outcome.DONE)


async def test_secrets_are_hidden_wherever_they_stand(guard: Guard) -> None:
    after = {
        "url": "mqtt://joe:hunter22@broker:1883/a",
        "brokerPassword": "hunter22",
        "options": [{"api_key": "hunter22", "note": "ls_0a1b_hunter22secret", "keyboard": "de"}],
        "token": "",
    }
    await guard.record(BOSS, "edge.change", "acme/x", after=after)
    (row,) = await guard.entries(PLATFORM)
    assert row.after == {
        "url": "mqtt://joe:•••@broker:1883/a",
        "brokerPassword": "•••",
        "options": [{"api_key": "•••", "note": "•••", "keyboard": "de"}],
        "token": "",
    }


async def test_a_huge_change_is_kept_by_name_and_size(guard: Guard) -> None:
    await guard.record(BOSS, "edge.change", "acme/x", after={"blob": "x" * 100_000})
    (row,) = await guard.entries(PLATFORM)
    assert row.after is not None
    assert row.after["names"] == ["blob"]


@pytest.mark.parametrize("statement", ["UPDATE security_audit SET actor='x'", "DELETE FROM security_audit"])
async def test_the_database_refuses_to_change_or_remove_rows(guard: Guard, db: Database, statement: str) -> None:
    await guard.record(BOSS, "a", "acme")
    with pytest.raises(sa.exc.IntegrityError, match="append-only"):
        async with db.begin() as tx:
            await tx.execute(sa.text(statement))
    assert len(await guard.entries(PLATFORM)) == 1


@pytest.mark.parametrize(
    ("tampering", "broken_at", "reason"),
    [
        ("UPDATE security_audit SET actor='Nobody' WHERE seq=3", 3, "changed"),
        ("UPDATE security_audit SET count=2 WHERE seq=1", 1, "changed"),
        ("DELETE FROM security_audit WHERE seq=2", 2, "missing"),
        ("DELETE FROM security_audit WHERE seq>=4", 4, "removed"),
        ("UPDATE security_audit SET seq=99 WHERE seq=5", 5, "missing"),
    ],
)
async def test_tampering_is_found_at_the_row(
    guard: Guard, db: Database, tampering: str, broken_at: int, reason: str
) -> None:
    for n in range(5):
        await guard.record(BOSS, "a", f"acme/{n}", after={"n": n})
    assert (await guard.verify()).intact
    async with db.begin() as tx:
        await tx.execute(sa.text("DROP TRIGGER security_audit_no_update"))
        await tx.execute(sa.text("DROP TRIGGER security_audit_no_delete"))
        await tx.execute(sa.text(tampering))
    verdict = await guard.verify()
    assert verdict.broken_at == broken_at
    assert reason in verdict.reason


async def test_rows_written_at_once_form_one_chain(guard: Guard) -> None:
    async with asyncio.timeout(20):
        await asyncio.gather(*(guard.record(BOSS, "a", f"acme/{n}") for n in range(50)))
    verdict = await guard.verify()
    assert (verdict.intact, verdict.rows) == (True, 50)


async def test_an_administrator_reads_the_rows_of_their_own_organisation_only(guard: Guard) -> None:
    await guard.record(PLATFORM, "a", "acme/line")
    await guard.record(PLATFORM, "a", "acmes/line")
    await guard.record(PLATFORM, "a", "user:42", path="acme")
    await guard.record(PLATFORM, "a", "user:43", path="")
    assert [row.subject for row in await guard.entries(BOSS)] == ["user:42", "acme/line"]
    with pytest.raises(Forbidden, match=re.escape("Ada has no role on the whole platform")):
        await guard.entries(ADA)


async def test_the_log_is_filtered_and_paged(guard: Guard) -> None:
    for n in range(6):
        await guard.record(ADA if n % 2 else BOSS, "edge.change" if n < 4 else "twins.create", f"acme/{n}")
    wanted = AuditFilter(actor="ada", action="edge.")
    assert [row.seq for row in await guard.entries(PLATFORM, wanted)] == [4, 2]
    assert [row.seq for row in await guard.entries(PLATFORM, limit=2)] == [6, 5]
    assert [row.seq for row in await guard.entries(PLATFORM, before=5, limit=2)] == [4, 3]
    assert [row.seq async for row in guard.every_entry(PLATFORM, AuditFilter(subject="acme"))] == [6, 5, 4, 3, 2, 1]
    assert await guard.entries(PLATFORM, AuditFilter(outcome=Outcome.DENIED)) == []
