"""Keeps tokens of programs and credentials of devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from lineshaft.kernel.clock import now_us, to_us
from lineshaft.kernel.db import Transaction
from lineshaft.security.errors import NameTaken
from lineshaft.security.model import Device, Token, User

from .people import find_user
from .rows import device_of, pack_grants, pack_topics, token_of
from .tables import DEVICES, TOKENS, USERS, touch, within


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownToken:
    """A token as stored: with the hash of its secret and its owner; no owner means the platform."""

    token: Token
    secret_hash: str
    owner: User | None


_WITH_OWNER = sa.select(TOKENS, USERS.c.login).select_from(TOKENS.outerjoin(USERS, USERS.c.id == TOKENS.c.owner_id))


async def add_token(tx: Transaction, token: Token, secret_hash: str) -> None:
    row = {
        "id": token.id,
        "name": token.name,
        "owner_id": token.owner_id,
        "secret_hash": secret_hash,
        "grants": pack_grants(token.grants),
        "created_us": to_us(token.created_at),
        "ends_us": to_us(token.ends_at) if token.ends_at else None,
    }
    await tx.execute(sa.insert(TOKENS).values(**row))


async def find_token(tx: Transaction, token_id: str) -> KnownToken | None:
    row = await tx.first(_WITH_OWNER.where(TOKENS.c.id == token_id))
    if row is None:
        return None
    owner = await find_user(tx, row["owner_id"]) if row["owner_id"] else None
    return KnownToken(token=token_of(row), secret_hash=row["secret_hash"], owner=owner)


async def tokens(tx: Transaction, *, owner_id: str, trees: Sequence[str], after: str, limit: int) -> list[Token]:
    """Tokens that work, oldest first: those of one owner, and of owners who live in these subtrees."""
    living = TOKENS.c.revoked_us.is_(None) & (TOKENS.c.ends_us.is_(None) | (TOKENS.c.ends_us > now_us()))
    mine = (
        sa.or_(TOKENS.c.owner_id == owner_id, within(USERS.c.home, trees)) if trees else TOKENS.c.owner_id == owner_id
    )
    query = _WITH_OWNER.where(TOKENS.c.id > after, living, mine)
    return [token_of(row) for row in await tx.all(query.order_by(TOKENS.c.id).limit(limit))]


async def revoke_token(tx: Transaction, token_id: str, at_us: int) -> None:
    await tx.execute(sa.update(TOKENS).where(TOKENS.c.id == token_id).values(revoked_us=at_us))


async def touch_tokens(tx: Transaction, used: Mapping[str, int]) -> None:
    """Remember when tokens were last used."""
    await touch(tx, TOKENS.c.used_us, used)


async def add_device(tx: Transaction, device: Device, password_hash: str) -> None:
    """A new device; NameTaken when a living one has the name."""
    row = {
        "id": device.id,
        "name": device.name,
        "path": device.path,
        "password_hash": password_hash,
        "publish": pack_topics(device.publish),
        "subscribe": pack_topics(device.subscribe),
        "created_us": to_us(device.created_at),
    }
    try:
        await tx.execute(sa.insert(DEVICES).values(**row))
    except sa.exc.IntegrityError as error:
        hint = "Choose another name, or rotate its password."
        raise NameTaken(f"There is a device {device.name!r} already.", hint=hint) from error


async def find_device(tx: Transaction, device_id: str) -> Device | None:
    """A device, revoked or not."""
    row = await tx.first(sa.select(DEVICES).where(DEVICES.c.id == device_id))
    return device_of(row) if row else None


async def devices(tx: Transaction, *, trees: Sequence[str], after: str, limit: int) -> list[Device]:
    """Devices of these subtrees, not revoked, by name."""
    query = sa.select(DEVICES).where(
        DEVICES.c.name > after, DEVICES.c.revoked_us.is_(None), within(DEVICES.c.path, trees)
    )
    return [device_of(row) for row in await tx.all(query.order_by(DEVICES.c.name).limit(limit))]


async def admitted(tx: Transaction) -> list[tuple[Device, str]]:
    """Every device that may connect, with its password hash."""
    query = sa.select(DEVICES).where(DEVICES.c.revoked_us.is_(None)).order_by(DEVICES.c.name)
    return [(device_of(row), row["password_hash"]) for row in await tx.all(query)]


async def save_device(tx: Transaction, device: Device) -> None:
    """What can change about a device, save its password."""
    values = {
        "publish": pack_topics(device.publish),
        "subscribe": pack_topics(device.subscribe),
        "rotated_us": to_us(device.rotated_at) if device.rotated_at else None,
        "revoked_us": to_us(device.revoked_at) if device.revoked_at else None,
    }
    await tx.execute(sa.update(DEVICES).where(DEVICES.c.id == device.id).values(**values))


async def set_device_password(tx: Transaction, device_id: str, password_hash: str) -> None:
    await tx.execute(sa.update(DEVICES).where(DEVICES.c.id == device_id).values(password_hash=password_hash))
