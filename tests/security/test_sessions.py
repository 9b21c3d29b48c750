"""Signing in: right and wrong passwords, guessing slowed down, sessions that end, a crowd at the change of shift."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest
import sqlalchemy as sa

from lineshaft.kernel.clock import MICROS, now_us
from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import Forbidden
from lineshaft.security import (
    PLATFORM,
    AuditFilter,
    Busy,
    Grant,
    Role,
    Security,
    SecuritySettings,
    SessionEnded,
    SignInFailed,
    TooManyAttempts,
    Who,
)
from lineshaft.security.service.passwords import Passwords
from lineshaft.security.service.throttle import ACCOUNT, ORIGIN, PAIR, Attempt
from lineshaft.security.store.tables import USERS

from .conftest import PHRASE, person, signed_in

VIEWER = Grant(role=Role.VIEWER, subtree="acme")


async def fail(security: Security, login: str, origin: str) -> None:
    with pytest.raises(SignInFailed):
        await security.sessions.sign_in(login, "wrong wrong wrong", origin=origin)


async def age(db: Database, table: str, column: str, span: timedelta) -> None:
    """Make what is stored older."""
    async with db.begin() as tx:
        await tx.execute(sa.text(f"UPDATE {table} SET {column} = {column} - {int(span.total_seconds() * MICROS)}"))


async def test_a_wrong_name_and_a_wrong_password_look_the_same_and_take_the_same_time(security: Security) -> None:
    await security.users.create(PLATFORM, login="ada", password=PHRASE, grants=[VIEWER])
    took: dict[str, list[float]] = {"ada": [], "nobody": []}
    said = set()
    for n in range(4):
        for login, times in took.items():
            began = time.perf_counter()
            with pytest.raises(SignInFailed) as failed:
                await security.sessions.sign_in(login, "wrong wrong wrong", origin=f"10.0.0.{n}")
            times.append(time.perf_counter() - began)
            said.add(str(failed.value))
    assert len(said) == 1
    assert 0.4 < min(took["ada"]) / min(took["nobody"]) < 2.5


async def test_failures_are_audited_without_the_password(security: Security) -> None:
    await security.users.create(PLATFORM, login="ada", password=PHRASE, grants=[VIEWER])
    await fail(security, "ada", "10.0.0.9")
    (row,) = await security.guard.entries(person("boss", (Role.ADMIN, "acme")), AuditFilter(action="security.sign_in"))
    assert (row.subject, row.origin, row.outcome.value) == ("user:ada", "10.0.0.9", "denied")
    assert "wrong" not in str(row)


async def test_guessing_from_one_place_is_slowed_and_the_owner_gets_in_from_another(security: Security) -> None:
    await security.users.create(PLATFORM, login="ada", password=PHRASE, grants=[VIEWER])
    for _ in range(PAIR.free):
        await fail(security, "ada", "10.6.6.6")
    with pytest.raises(TooManyAttempts, match="wait 1 s") as refused:
        await security.sessions.sign_in("ada", PHRASE, origin="10.6.6.6")
    assert refused.value.status == 429
    assert (await security.sessions.sign_in("ada", PHRASE, origin="10.0.0.7")).user.login == "ada"


async def test_names_nobody_has_are_slowed_alike(security: Security) -> None:
    for _ in range(PAIR.free):
        await fail(security, "nobody", "10.6.6.6")
    with pytest.raises(TooManyAttempts):
        await security.sessions.sign_in("nobody", PHRASE, origin="10.6.6.6")


async def test_a_pause_is_not_lengthened_by_trying_again_and_ends(security: Security, db: Database) -> None:
    await security.users.create(PLATFORM, login="ada", password=PHRASE, grants=[VIEWER])
    for _ in range(PAIR.free):
        await fail(security, "ada", "10.6.6.6")
    for _ in range(20):
        with pytest.raises(TooManyAttempts, match="wait 1 s"):
            await security.sessions.sign_in("ada", PHRASE, origin="10.6.6.6")
    await age(db, "security_attempts", "open_us", timedelta(seconds=1))
    assert (await security.sessions.sign_in("ada", PHRASE, origin="10.6.6.6")).user.login == "ada"


async def test_many_places_together_cannot_lock_the_owner_out(security: Security) -> None:
    await security.users.create(PLATFORM, login="ada", password=PHRASE, grants=[VIEWER])
    await security.sessions.sign_in("ada", PHRASE, origin="10.0.0.7")
    for n in range(ACCOUNT.free):
        await fail(security, "ada", f"10.6.{n}.6")
    with pytest.raises(TooManyAttempts):
        await security.sessions.sign_in("ada", PHRASE, origin="10.6.99.6")
    assert (await security.sessions.sign_in("ada", PHRASE, origin="10.0.0.7")).user.login == "ada"


async def test_guesses_sent_at_once_do_not_all_slip_through(security: Security) -> None:
    await security.users.create(PLATFORM, login="ada", password=PHRASE, grants=[VIEWER])
    guesses = [security.sessions.sign_in("ada", f"guess number {n}", origin="10.6.6.6") for n in range(40)]
    async with asyncio.timeout(30):
        results = await asyncio.gather(*guesses, return_exceptions=True)
    assert sum(isinstance(r, SignInFailed) for r in results) == PAIR.free
    assert sum(isinstance(r, TooManyAttempts) for r in results) == 40 - PAIR.free


def test_pauses_double_up_to_a_bound() -> None:
    assert [PAIR.after(n) for n in (4, 5, 6, 10, 60)] == [0, 1, 2, 32, 900]
    assert ACCOUNT.after(1000) == 30
    assert ORIGIN.after(1000) == 60


def test_an_ipv6_subscriber_is_one_place() -> None:
    assert Attempt.of("a", "2001:db8::1") == Attempt.of("a", "2001:db8::ffff")
    assert Attempt.of("a", "2001:db8:0:1::1") != Attempt.of("a", "2001:db8::1")
    assert Attempt.of("a", "::ffff:10.0.0.1") == Attempt.of("a", "10.0.0.1")


async def test_every_sign_in_gets_a_new_secret_and_ends_the_one_brought_along(security: Security) -> None:
    await security.users.create(PLATFORM, login="ada", password=PHRASE, grants=[VIEWER])
    first = await security.sessions.sign_in("ada", PHRASE, origin="o")
    second = await security.sessions.sign_in("ada", PHRASE, origin="o", instead_of=first.secret)
    planted = await security.sessions.sign_in("ada", PHRASE, origin="o", instead_of="planted-by-somebody-else")
    assert len({first.secret, second.secret, planted.secret, "planted-by-somebody-else"}) == 4
    assert await security.standings.of_session(first.secret, "o") is None
    assert await security.standings.of_session("planted-by-somebody-else", "o") is None
    assert await security.standings.of_session(second.secret, "o") is not None


async def test_the_database_holds_no_secret_that_works(security: Security, db: Database) -> None:
    await security.users.create(PLATFORM, login="ada", password=PHRASE, grants=[VIEWER])
    done = await security.sessions.sign_in("ada", PHRASE, origin="o")
    async with db.read() as tx:
        rows = await tx.all(sa.text("SELECT * FROM security_sessions").columns(*_text_columns("id", "secret_hash")))
        users = await tx.scalar(sa.select(sa.column("password_hash")).select_from(sa.table("security_users")))
    assert done.secret not in str([dict(r) for r in rows])
    assert users.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def _text_columns(*names: str) -> list[sa.ColumnClause[str]]:
    return [sa.column(name, sa.String) for name in names]


async def test_sessions_end_when_idle_and_in_any_case(security: Security, ada: Who, db: Database) -> None:
    await age(db, "security_sessions", "seen_us", timedelta(hours=11, minutes=59))
    security.guard.forget()
    fresh = Security.over(db)
    assert (await fresh.guard.current(ada)).id == ada.id
    await age(db, "security_sessions", "seen_us", timedelta(minutes=2))
    with pytest.raises(SessionEnded):
        await Security.over(db).guard.current(ada)
    await security.standings.flush()
    assert (await Security.over(db).guard.current(ada)).id == ada.id
    await age(db, "security_sessions", "ends_us", timedelta(hours=169))
    with pytest.raises(SessionEnded):
        await Security.over(db).guard.current(ada)
    await security.sessions.sweep()
    assert await security.sessions.list_(ada) == []


async def test_one_sees_and_ends_only_ones_own_sessions(security: Security, ada: Who) -> None:
    bob = await signed_in(security, "bob", (Role.VIEWER, "acme"))
    (hers,) = await security.sessions.list_(ada)
    with pytest.raises(Forbidden):
        await security.sessions.list_(bob, ada.id)
    with pytest.raises(Forbidden):
        await security.sessions.end(bob, hers.id)
    await security.guard.current(ada)
    await security.sessions.sign_in("ada", PHRASE, origin="10.0.0.8")
    assert await security.sessions.end_all(ada) == 1
    assert [s.id for s in await security.sessions.list_(ada)] == [hers.id]
    await security.sessions.sign_out(ada)
    with pytest.raises(SessionEnded):
        await security.guard.current(ada)


async def test_a_change_of_shift_is_served_while_other_work_goes_on(security: Security, db: Database) -> None:
    stored = await Passwords().hash(PHRASE)
    everybody = [
        {"id": f"u{n}", "login": f"u{n}", "name": "u", "home": "acme", "password_hash": stored, "grants": "[]",
         "language": "", "disabled": False, "created_us": now_us()}
        for n in range(200)
    ]  # fmt: skip
    async with db.begin() as tx:
        await tx.execute(sa.insert(USERS), everybody)
    slowest = 0.0
    arrived = asyncio.Event()

    async def other_work() -> None:
        nonlocal slowest
        while not arrived.is_set():
            began = time.perf_counter()
            await security.guard.require(PLATFORM, Role.ADMIN, "", "x")
            async with db.read() as tx:
                await tx.scalar(sa.select(1))
            slowest = max(slowest, time.perf_counter() - began)
            await asyncio.sleep(0.01)

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(other_work())
        done = await asyncio.gather(
            *(security.sessions.sign_in(f"u{n}", PHRASE, origin="10.0.0.1") for n in range(200))
        )
        arrived.set()
    assert len({d.secret for d in done}) == 200
    assert slowest < 1.0


async def test_more_people_than_the_queue_holds_are_asked_to_come_back() -> None:
    passwords = Passwords(SecuritySettings(sign_ins_waiting=3))
    async with asyncio.timeout(20):
        results = await asyncio.gather(*(passwords.hash(PHRASE) for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(r, Busy) for r in results) == 7
    assert await passwords.verify(await passwords.hash(PHRASE), PHRASE)


async def test_the_same_characters_typed_on_another_keyboard_fit() -> None:
    passwords = Passwords()
    stored = await passwords.hash("Stra\u00dfe im W\u00e4ldchen")
    assert await passwords.verify(stored, "Stra\u00dfe im Wa\u0308ldchen")
    assert not await passwords.verify(stored, "Strasse im Waldchen")
    assert not await passwords.verify(None, "the account does not exist")
