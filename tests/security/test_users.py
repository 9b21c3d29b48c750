"""Accounts are made, changed and disabled by those who administer all they hold, and by nobody else."""

from __future__ import annotations

import pytest

from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import Forbidden, Invalid
from lineshaft.security import (
    PLATFORM,
    AuditFilter,
    Grant,
    LastAdmin,
    NameTaken,
    Role,
    Security,
    SessionEnded,
    SignInFailed,
    WeakPassword,
    Who,
)

from .conftest import PHRASE, person, signed_in

BOSS = person("boss", (Role.ADMIN, "acme"))
VIEWER = Grant(role=Role.VIEWER, subtree="acme")


async def test_the_first_start_makes_one_administrator_whose_password_works(security: Security) -> None:
    first = await security.users.ensure_admin()
    assert first is not None
    assert await security.users.ensure_admin() is None
    done = await security.sessions.sign_in(first.login, first.password, origin="local")
    assert done.user.grants == (Grant(role=Role.ADMIN),)
    assert first.password not in repr(first)
    assert done.secret not in repr(done)


async def test_an_organisation_administrator_makes_accounts_of_that_organisation_only(security: Security) -> None:
    made = await security.users.create(BOSS, login="Eve", password=PHRASE, grants=[VIEWER])
    assert (made.login, made.home, made.grants) == ("eve", "acme", (VIEWER,))
    for grants, home in [([Grant(role=Role.VIEWER, subtree="other")], None), ([], "other"), ([VIEWER], "")]:
        with pytest.raises(Forbidden):
            await security.users.create(BOSS, login="mallory", password=PHRASE, grants=grants, home=home)
    assert [u.login for u in await security.users.list_(PLATFORM)] == ["eve"]


async def test_whoever_holds_more_than_one_administers_is_out_of_reach(security: Security) -> None:
    wide = [VIEWER, Grant(role=Role.VIEWER, subtree="other")]
    eve = await security.users.create(PLATFORM, login="eve", password=PHRASE, grants=wide, home="acme")
    for attempt in (
        security.users.set_password(BOSS, eve.id, PHRASE + "!"),
        security.users.disable(BOSS, eve.id),
        security.users.change(BOSS, eve.id, grants=[]),
    ):
        with pytest.raises(Forbidden):
            await attempt
    assert await security.users.get(PLATFORM, eve.id) == eve
    denied = await security.guard.entries(PLATFORM, AuditFilter(action="security.user."))
    assert {(e.outcome.value, e.actor) for e in denied if e.actor == "boss"} == {("denied", "boss")}


async def test_names_are_taken_once_whatever_their_case(security: Security) -> None:
    await security.users.create(BOSS, login="eve", password=PHRASE, grants=[VIEWER])
    with pytest.raises(NameTaken):
        await security.users.create(BOSS, login=" EVE ", password=PHRASE, grants=[VIEWER])
    with pytest.raises(Invalid, match="cannot be a sign-in name"):
        await security.users.create(BOSS, login="eve smith", password=PHRASE, grants=[VIEWER])


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "aaaaaaaaaaaaaaaa",
        "Password12345!",
        "qwertyuiopasdf",
        "123456789012",
        "eve.the.great",
        "x" * 600,
        "EVE.THE.GREAT99",
    ],
)
async def test_passwords_that_would_be_guessed_are_refused(security: Security, password: str) -> None:
    with pytest.raises(WeakPassword):
        await security.users.create(BOSS, login="eve.the.great", password=password, grants=[VIEWER])
    assert await security.users.list_(PLATFORM) == []


async def test_a_disabled_account_is_out_at_once_and_can_come_back(security: Security, ada: Who) -> None:
    await security.guard.require(ada, Role.ENGINEER, "acme", "edge.write")
    await security.users.disable(PLATFORM, ada.id)
    with pytest.raises(SessionEnded):
        await security.guard.require(ada, Role.ENGINEER, "acme", "edge.write")
    with pytest.raises(SignInFailed):
        await security.sessions.sign_in("ada", PHRASE, origin="10.0.0.7")
    await security.users.enable(PLATFORM, ada.id)
    assert (await security.sessions.sign_in("ada", PHRASE, origin="10.0.0.7")).user.id == ada.id


async def test_a_role_taken_away_counts_for_pages_that_are_open(security: Security, ada: Who) -> None:
    await security.users.change(PLATFORM, ada.id, grants=[VIEWER])
    with pytest.raises(Forbidden, match="ada is only viewer on acme/line"):
        await security.guard.require(ada, Role.ENGINEER, "acme/line", "edge.write")


async def test_nobody_changes_their_own_rights_but_their_own_name(security: Security) -> None:
    root = await signed_in(security, "root1", (Role.ADMIN, ""))
    await signed_in(security, "root2", (Role.ADMIN, ""))
    with pytest.raises(Forbidden, match="Nobody changes their own rights"):
        await security.users.change(root, root.id, grants=[VIEWER])
    with pytest.raises(Forbidden):
        await security.users.disable(root, root.id)
    assert (await security.users.change(root, root.id, name="Grace", language="zh")).name == "Grace"


async def test_the_last_administrator_of_the_platform_stays(security: Security) -> None:
    root = await signed_in(security, "root1", (Role.ADMIN, ""))
    with pytest.raises(LastAdmin):
        await security.users.disable(PLATFORM, root.id)
    with pytest.raises(LastAdmin):
        await security.users.change(PLATFORM, root.id, grants=[VIEWER])
    await security.guard.require(root, Role.ADMIN, "", "anything")
    assert not (await security.users.get(PLATFORM, root.id)).disabled


async def test_a_new_password_ends_the_other_sessions(security: Security, ada: Who) -> None:
    other = await security.sessions.sign_in("ada", PHRASE, origin="10.0.0.8")
    with pytest.raises(SignInFailed):
        await security.users.change_password(ada, "wrong wrong wrong", "new phrase for ada")
    await security.users.change_password(ada, PHRASE, "new phrase for ada")
    assert await security.standings.of_session(other.secret, "10.0.0.8") is None
    assert (await security.guard.current(ada)).id == ada.id
    await security.users.set_password(PLATFORM, ada.id, "another phrase for ada")
    with pytest.raises(SessionEnded):
        await security.guard.current(ada)


async def test_changes_are_audited_with_before_and_after_but_no_password(security: Security, db: Database) -> None:
    eve = await security.users.create(BOSS, login="eve", password=PHRASE, grants=[VIEWER])
    await security.users.change(BOSS, eve.id, grants=[Grant(role=Role.OPERATOR, subtree="acme/berlin")])
    await security.users.set_password(BOSS, eve.id, PHRASE + " two")
    password, change, create = await security.guard.entries(BOSS)
    assert (create.action, create.subject, create.before) == ("security.user.create", "user:eve", None)
    assert change.before is not None
    assert change.after is not None
    assert (change.before["grants"], change.after["grants"]) == ({"acme": "viewer"}, {"acme/berlin": "operator"})
    assert password.action == "security.user.password"
    assert "horse" not in str([password, change, create])
    assert (await security.guard.verify()).intact


async def test_users_are_paged_by_login(security: Security) -> None:
    for n in range(5):
        await security.users.create(BOSS, login=f"u{n}", password=PHRASE, grants=[VIEWER])
    assert [u.login for u in await security.users.list_(BOSS, limit=2)] == ["u0", "u1"]
    assert [u.login for u in await security.users.list_(BOSS, after="u1", limit=9)] == ["u2", "u3", "u4"]
    assert await security.users.list_(person("x", (Role.ADMIN, "other"))) == []
    with pytest.raises(Forbidden):
        await security.users.list_(person("x", (Role.ENGINEER, "acme")))
