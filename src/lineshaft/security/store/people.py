"""Keeps users and sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from lineshaft.kernel.clock import to_us
from lineshaft.kernel.db import Transaction
from lineshaft.security.errors import NameTaken
from lineshaft.security.model import Session, User

from .rows import pack_grants, session_of, user_of
from .tables import SESSIONS, USERS, touch, within


async def add_user(tx: Transaction, user: User, password_hash: str) -> None:
    """A new account; NameTaken when somebody has the login."""
    row = {
        "id": user.id,
        "login": user.login,
        "name": user.name,
        "home": user.home,
        "password_hash": password_hash,
        "grants": pack_grants(user.grants),
        "language": user.language,
        "disabled": user.disabled,
        "created_us": to_us(user.created_at),
    }
    try:
        await tx.execute(sa.insert(USERS).values(**row))
    except sa.exc.IntegrityError as error:
        raise NameTaken(f"The name {user.login!r} is taken.", hint="Choose another one.") from error


async def save_user(tx: Transaction, user: User) -> None:
    """What can change about an account, save its password."""
    changed = {"name": user.name, "home": user.home, "language": user.language, "disabled": user.disabled}
    await tx.execute(sa.update(USERS).where(USERS.c.id == user.id).values(**changed, grants=pack_grants(user.grants)))


async def find_user(tx: Transaction, user_id: str) -> User | None:
    row = await tx.first(sa.select(USERS).where(USERS.c.id == user_id))
    return user_of(row) if row else None


async def find_login(tx: Transaction, login: str) -> tuple[User, str] | None:
    """The account with that login and its password hash."""
    row = await tx.first(sa.select(USERS).where(USERS.c.login == login))
    return (user_of(row), row["password_hash"]) if row else None


async def password_hash(tx: Transaction, user_id: str) -> str:
    """The stored hash of a user's password."""
    found: str = await tx.scalar(sa.select(USERS.c.password_hash).where(USERS.c.id == user_id))
    return found


async def set_password_hash(tx: Transaction, user_id: str, password_hash: str) -> None:
    await tx.execute(sa.update(USERS).where(USERS.c.id == user_id).values(password_hash=password_hash))


async def signed_in(tx: Transaction, user_id: str, at_us: int) -> None:
    """Remember when somebody last signed in."""
    await tx.execute(sa.update(USERS).where(USERS.c.id == user_id).values(signed_in_us=at_us))


async def users(tx: Transaction, *, trees: Sequence[str], after: str, limit: int) -> list[User]:
    """Accounts that live in these subtrees, by login."""
    query = sa.select(USERS).where(USERS.c.login > after, within(USERS.c.home, trees))
    return [user_of(row) for row in await tx.all(query.order_by(USERS.c.login).limit(limit))]


async def enabled_users(tx: Transaction) -> list[User]:
    return [user_of(row) for row in await tx.all(sa.select(USERS).where(sa.not_(USERS.c.disabled)))]


async def any_user(tx: Transaction) -> bool:
    """Whether there is any account at all."""
    return await tx.scalar(sa.select(sa.exists(sa.select(USERS.c.id)))) in (True, 1)


async def add_session(tx: Transaction, session: Session, secret_hash: str) -> None:
    row = {
        "id": session.id,
        "secret_hash": secret_hash,
        "user_id": session.user_id,
        "origin": session.origin,
        "agent": session.agent,
        "created_us": to_us(session.created_at),
        "seen_us": to_us(session.seen_at),
        "ends_us": to_us(session.ends_at),
    }
    await tx.execute(sa.insert(SESSIONS).values(**row))


async def find_session(tx: Transaction, **where: str) -> tuple[Session, User] | None:
    """A session and its user, by `id` or `secret_hash`."""
    conditions = [SESSIONS.c[name] == value for name, value in where.items()]
    row = await tx.first(sa.select(SESSIONS).where(*conditions))
    user = await find_user(tx, row["user_id"]) if row else None
    return (session_of(row), user) if row and user else None


async def sessions(tx: Transaction, user_id: str) -> list[Session]:
    """Sessions of a user, newest first."""
    query = sa.select(SESSIONS).where(SESSIONS.c.user_id == user_id).order_by(SESSIONS.c.seen_us.desc())
    return [session_of(row) for row in await tx.all(query)]


async def end_session(tx: Transaction, session_id: str) -> None:
    await tx.execute(sa.delete(SESSIONS).where(SESSIONS.c.id == session_id))


async def end_sessions(tx: Transaction, user_id: str, *, keep: str = "") -> int:
    """End all sessions of a user but one; returns how many."""
    ended = await tx.execute(sa.delete(SESSIONS).where(SESSIONS.c.user_id == user_id, SESSIONS.c.id != keep))
    return ended.rowcount


async def touch_sessions(tx: Transaction, seen: Mapping[str, int]) -> None:
    """Remember when sessions were last used."""
    await touch(tx, SESSIONS.c.seen_us, seen)


async def sweep_sessions(tx: Transaction, *, now_us: int, idle_since_us: int) -> None:
    """Forget sessions that have ended."""
    await tx.execute(sa.delete(SESSIONS).where((SESSIONS.c.ends_us <= now_us) | (SESSIONS.c.seen_us < idle_since_us)))
