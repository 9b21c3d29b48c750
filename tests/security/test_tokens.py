"""Tokens act for their owner, never beyond what the owner holds, and end at once when revoked."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from lineshaft.kernel.clock import MICROS, now, now_us
from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import Forbidden, Invalid
from lineshaft.security import (
    PLATFORM,
    AuditFilter,
    Grant,
    NotAllowed,
    Role,
    Security,
    TokenNotFound,
    TokenRefused,
    Who,
    WhoKind,
    local_admin,
)
from lineshaft.security.model import intersect

from .conftest import signed_in

READ = [Grant(role=Role.VIEWER, subtree="acme")]


async def test_a_token_acts_as_its_owner_within_its_grants(security: Security, ada: Who) -> None:
    made = await security.tokens.create(ada, name="telegraf", grants=READ)
    who = await security.standings.of_token(made.secret, "10.1.1.1")
    assert (who.kind, who.owner, who.name) == (WhoKind.TOKEN, ada.id, "telegraf (token of ada)")
    assert who.may(Role.VIEWER, "acme/line")
    assert not who.may(Role.OPERATOR, "acme/line")
    assert made.secret.startswith(f"ls_{made.token.id}_")
    assert made.secret not in repr(made)


async def test_nobody_gives_a_token_more_than_they_hold(security: Security, ada: Who) -> None:
    for grant in (
        Grant(role=Role.ADMIN, subtree="acme"),
        Grant(role=Role.VIEWER, subtree="other"),
        Grant(role=Role.VIEWER),
    ):
        with pytest.raises(NotAllowed):
            await security.tokens.create(ada, name="x", grants=[grant])
    assert await security.tokens.list_(ada) == []
    denied = await security.guard.entries(PLATFORM, AuditFilter(action="security.token"))
    assert {e.outcome.value for e in denied} == {"denied"}


async def test_a_token_shrinks_with_its_owner(security: Security, ada: Who) -> None:
    wide = [Grant(role=Role.ENGINEER, subtree="acme")]
    made = await security.tokens.create(ada, name="x", grants=wide)
    await security.users.change(PLATFORM, ada.id, grants=[Grant(role=Role.OPERATOR, subtree="acme/berlin")])
    who = await security.standings.of_token(made.secret, "o")
    assert who.grants == (Grant(role=Role.OPERATOR, subtree="acme/berlin"),)
    await security.users.disable(PLATFORM, ada.id)
    with pytest.raises(TokenRefused):
        await security.standings.of_token(made.secret, "o")


def test_two_sets_of_grants_intersect() -> None:
    def grant(role: Role, tree: str) -> Grant:
        return Grant(role=role, subtree=tree)

    assert intersect([grant(Role.ADMIN, "")], [grant(Role.VIEWER, "a")]) == (grant(Role.VIEWER, "a"),)
    assert intersect([grant(Role.VIEWER, "a/b")], [grant(Role.ADMIN, "a")]) == (grant(Role.VIEWER, "a/b"),)
    assert intersect([grant(Role.ADMIN, "a")], [grant(Role.ADMIN, "b")]) == ()
    both = [grant(Role.VIEWER, "a"), grant(Role.ENGINEER, "a/b")]
    assert intersect([grant(Role.OPERATOR, "a")], both) == (grant(Role.VIEWER, "a"), grant(Role.OPERATOR, "a/b"))


async def test_a_revoked_or_ended_token_is_refused_at_once(security: Security, ada: Who, db: Database) -> None:
    made = await security.tokens.create(ada, name="x", grants=READ)
    ending = await security.tokens.create(ada, name="y", grants=READ, ends_at=now() + timedelta(hours=1))
    who = await security.standings.of_token(made.secret, "o")
    await security.standings.of_token(ending.secret, "o")
    await security.tokens.revoke(ada, made.token.id)
    with pytest.raises(TokenRefused):
        await security.standings.of_token(made.secret, "o")
    with pytest.raises(Exception, match="no longer signed in"):
        await security.guard.require(who, Role.VIEWER, "acme", "x")
    with pytest.raises(TokenNotFound):
        await security.tokens.revoke(ada, made.token.id)
    async with db.begin() as tx:
        await tx.execute(sa.text(f"UPDATE security_tokens SET ends_us = {now_us() - MICROS}"))
    security.guard.forget()
    with pytest.raises(TokenRefused):
        await security.standings.of_token(ending.secret, "o")


@pytest.mark.parametrize("text", ["", "ls_", "ls_x_", "hello", "ls_../_x", "ls_0123_wrong", "LS_a_b"])
async def test_what_is_no_token_is_refused(security: Security, text: str) -> None:
    with pytest.raises(TokenRefused):
        await security.standings.of_token(text, "o")


async def test_the_right_id_with_another_secret_is_refused(security: Security, ada: Who) -> None:
    one = await security.tokens.create(ada, name="x", grants=READ)
    two = await security.tokens.create(ada, name="y", grants=READ)
    with pytest.raises(TokenRefused):
        await security.standings.of_token(f"ls_{one.token.id}_{two.secret.split('_', 2)[2]}", "o")


async def test_tokens_make_no_tokens(security: Security, ada: Who) -> None:
    made = await security.tokens.create(ada, name="x", grants=READ)
    who = await security.standings.of_token(made.secret, "o")
    with pytest.raises(Forbidden, match="A token cannot make tokens"):
        await security.tokens.create(who, name="y", grants=READ)


async def test_a_token_has_a_name_and_a_future(security: Security, ada: Who) -> None:
    with pytest.raises(Invalid):
        await security.tokens.create(ada, name=" ", grants=READ)
    with pytest.raises(Invalid):
        await security.tokens.create(ada, name="x", grants=[])
    with pytest.raises(Invalid):
        await security.tokens.create(ada, name="x", grants=READ, ends_at=now() - timedelta(seconds=1))


async def test_one_sees_and_revokes_ones_own_and_an_administrator_those_of_the_organisation(
    security: Security, ada: Who
) -> None:
    boss = await signed_in(security, "boss", (Role.ADMIN, "acme"))
    stranger = await signed_in(security, "stranger", (Role.ADMIN, "other"))
    made = await security.tokens.create(ada, name="x", grants=READ)
    assert [t.name for t in await security.tokens.list_(ada)] == ["x"]
    assert [t.owner for t in await security.tokens.list_(boss)] == ["ada"]
    assert await security.tokens.list_(stranger) == []
    with pytest.raises(Forbidden):
        await security.tokens.revoke(stranger, made.token.id)
    await security.standings.of_token(made.secret, "o")
    await security.tokens.revoke(boss, made.token.id)
    assert await security.tokens.list_(ada) == []


async def test_the_last_use_is_written_down_now_and_then(security: Security, ada: Who) -> None:
    made = await security.tokens.create(ada, name="x", grants=READ)
    await security.standings.of_token(made.secret, "o")
    assert (await security.tokens.list_(ada))[0].used_at is None
    await security.standings.flush()
    used = (await security.tokens.list_(ada))[0].used_at
    assert used is not None
    assert now() - used < timedelta(seconds=10)


async def test_the_audit_log_and_the_tables_hold_no_token_text(security: Security, ada: Who, tmp_path: Path) -> None:
    made = await security.tokens.create(ada, name="x", grants=READ)
    secret = made.secret.split("_", 2)[2]
    assert secret not in str(await security.guard.entries(PLATFORM))
    files = [p.read_bytes() for p in tmp_path.glob("catalogue.db*")]
    assert files
    assert not any(secret.encode() in content for content in files)


def test_the_owner_of_the_data_folder_administers_from_the_command_line(tmp_path: Path) -> None:
    who = local_admin(tmp_path)
    assert who.may(Role.ADMIN, "")
    assert (who.kind, who.origin) == (WhoKind.SERVICE, "cli")
    assert who.name.endswith("on the command line")
