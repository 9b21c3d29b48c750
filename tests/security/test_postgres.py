"""The same rules on PostgreSQL: an unchangeable log, guesses counted one by one, names taken once.

Left out, with the reason, where PostgreSQL or its driver (`pip install lineshaft[postgres]`) is missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import sqlalchemy as sa

from lineshaft.kernel.db import Database
from lineshaft.security import (
    PLATFORM,
    Grant,
    Guard,
    LastAdmin,
    NameTaken,
    Role,
    Security,
    SignInFailed,
    TooManyAttempts,
)
from lineshaft.security.service.throttle import PAIR

from .conftest import PHRASE


@pytest.fixture
async def security(empty_postgres: Callable[[], Awaitable[Database]]) -> AsyncIterator[Security]:
    db = await empty_postgres()
    await db.open(["lineshaft.security"])
    yield Security.over(db)
    await db.close()


@pytest.mark.parametrize(
    "verb", ["UPDATE security_audit SET actor = 'x'", "DELETE FROM security_audit", "TRUNCATE security_audit"]
)
async def test_the_database_refuses_to_change_or_remove_rows(security: Security, verb: str) -> None:
    await security.guard.record(PLATFORM, "a", "acme")
    with pytest.raises(sa.exc.DBAPIError, match="append-only"):
        async with security.guard._db.begin() as tx:
            await tx.execute(sa.text(verb))
    assert (await security.guard.verify()).rows == 1


async def test_writers_of_two_processes_make_one_chain(security: Security) -> None:
    other = Guard(security.guard._db)
    async with asyncio.timeout(30):
        await asyncio.gather(
            *(g.record(PLATFORM, "a", f"acme/{n}") for n in range(30) for g in (security.guard, other))
        )
    verdict = await security.guard.verify()
    assert (verdict.intact, verdict.rows) == (True, 60)


async def test_guesses_sent_at_once_are_counted_one_by_one(security: Security) -> None:
    await security.users.create(
        PLATFORM, login="ada", password=PHRASE, grants=[Grant(role=Role.VIEWER, subtree="acme")]
    )
    guesses = [security.sessions.sign_in("ada", f"guess number {n}", origin="10.6.6.6") for n in range(30)]
    async with asyncio.timeout(30):
        results = await asyncio.gather(*guesses, return_exceptions=True)
    assert sum(isinstance(r, SignInFailed) for r in results) == PAIR.free
    assert sum(isinstance(r, TooManyAttempts) for r in results) == 30 - PAIR.free
    assert (await security.sessions.sign_in("ada", PHRASE, origin="10.0.0.7")).user.login == "ada"


async def test_a_name_wanted_twice_at_once_is_given_once(security: Security) -> None:
    wanted = [security.users.create(PLATFORM, login="ada", password=PHRASE) for _ in range(4)]
    results = await asyncio.gather(*wanted, return_exceptions=True)
    assert sum(isinstance(r, NameTaken) for r in results) == 3
    assert (await security.guard.verify()).rows == 1


async def test_two_administrators_cannot_remove_each_other_at_once(security: Security) -> None:
    grants = [Grant(role=Role.ADMIN)]
    one, two = [await security.users.create(PLATFORM, login=n, password=PHRASE, grants=grants) for n in ("one", "two")]
    results = await asyncio.gather(
        security.users.disable(PLATFORM, one.id), security.users.disable(PLATFORM, two.id), return_exceptions=True
    )
    assert sum(isinstance(r, LastAdmin) for r in results) == 1
    assert sum(user.disabled for user in await security.users.list_(PLATFORM)) == 1
