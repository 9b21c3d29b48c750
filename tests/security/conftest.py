"""The security context over a real catalogue, with a few people in it."""

from __future__ import annotations

import pytest

from lineshaft.kernel.db import Database
from lineshaft.security import PLATFORM, Grant, Role, Security, Who, WhoKind

PHRASE = "correct horse battery staple"


def person(name: str, *grants: tuple[Role, str]) -> Who:
    """An actor that came with no session, as services inside the platform see it."""
    held = tuple(Grant(role=role, subtree=tree) for role, tree in grants)
    return Who(id=name, name=name, kind=WhoKind.USER, grants=held, origin="10.0.0.7")


@pytest.fixture
async def security(db: Database) -> Security:
    await db.open(["lineshaft.security"])
    return Security.over(db)


@pytest.fixture
async def ada(security: Security) -> Who:
    """A signed-in engineer of acme."""
    return await signed_in(security, "ada", (Role.ENGINEER, "acme"))


async def signed_in(security: Security, login: str, *grants: tuple[Role, str]) -> Who:
    """Make a user and sign in; the actor carries its session."""
    held = tuple(Grant(role=role, subtree=tree) for role, tree in grants)
    await security.users.create(PLATFORM, login=login, password=PHRASE, grants=held)
    done = await security.sessions.sign_in(login, PHRASE, origin="10.0.0.7")
    who = await security.standings.of_session(done.secret, "10.0.0.7")
    assert who is not None
    return who
