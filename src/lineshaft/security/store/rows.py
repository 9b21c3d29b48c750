"""Turns rows into nouns and back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec
import sqlalchemy as sa

from lineshaft.kernel.clock import from_us
from lineshaft.security.model import Device, Grant, Role, Session, Token, User


def pack_grants(grants: Iterable[Grant]) -> str:
    """Grants as JSON: `[[3,"acme/berlin"],[1,"acme"]]`."""
    return msgspec.json.encode([(int(g.role), str(g.subtree)) for g in grants]).decode()


def grants_of(text: str) -> tuple[Grant, ...]:
    """The grants of a row."""
    return tuple(Grant(role=Role(role), subtree=subtree) for role, subtree in msgspec.json.decode(text))


def pack_topics(topics: Iterable[str]) -> str:
    """Topic filters as JSON."""
    return msgspec.json.encode(list(topics)).decode()


def user_of(row: sa.RowMapping) -> User:
    """A row of users."""
    return User(
        id=row["id"],
        login=row["login"],
        name=row["name"],
        home=row["home"],
        grants=grants_of(row["grants"]),
        language=row["language"],
        disabled=bool(row["disabled"]),
        created_at=from_us(row["created_us"]),
        signed_in_at=_moment(row["signed_in_us"]),
    )


def session_of(row: sa.RowMapping) -> Session:
    """A row of sessions."""
    return Session(
        id=row["id"],
        user_id=row["user_id"],
        origin=row["origin"],
        agent=row["agent"],
        created_at=from_us(row["created_us"]),
        seen_at=from_us(row["seen_us"]),
        ends_at=from_us(row["ends_us"]),
    )


def token_of(row: sa.RowMapping) -> Token:
    """A row of tokens joined with its owner's `login`."""
    return Token(
        id=row["id"],
        name=row["name"],
        owner_id=row["owner_id"],
        owner=row["login"] or "",
        grants=grants_of(row["grants"]),
        created_at=from_us(row["created_us"]),
        ends_at=_moment(row["ends_us"]),
        used_at=_moment(row["used_us"]),
        revoked_at=_moment(row["revoked_us"]),
    )


def device_of(row: sa.RowMapping) -> Device:
    """A row of devices."""
    return Device(
        id=row["id"],
        name=row["name"],
        path=row["path"],
        publish=tuple(msgspec.json.decode(row["publish"])),
        subscribe=tuple(msgspec.json.decode(row["subscribe"])),
        created_at=from_us(row["created_us"]),
        rotated_at=_moment(row["rotated_us"]),
        revoked_at=_moment(row["revoked_us"]),
    )


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else from_us(micros)
