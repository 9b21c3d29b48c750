"""Keeps failed sign-ins, and where somebody has signed in before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from lineshaft.kernel.db import Transaction

from .tables import ATTEMPTS, TRUSTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """Failures under one key, and when the next attempt is welcome."""

    failures: int = 0
    last_us: int = 0
    open_us: int = 0


async def attempts(tx: Transaction, keys: Iterable[str]) -> dict[str, Attempts]:
    """What is known of these keys."""
    rows = await tx.all(sa.select(ATTEMPTS).where(ATTEMPTS.c.key.in_(list(keys))))
    return {r["key"]: Attempts(failures=r["failures"], last_us=r["last_us"], open_us=r["open_us"]) for r in rows}


async def save_attempts(tx: Transaction, key: str, found: Attempts) -> None:
    """Remember failures under a key."""
    values = {"failures": found.failures, "last_us": found.last_us, "open_us": found.open_us}
    changed = await tx.execute(sa.update(ATTEMPTS).where(ATTEMPTS.c.key == key).values(**values))
    if changed.rowcount == 0:
        await tx.execute(sa.insert(ATTEMPTS).values(key=key, **values))


async def forget_attempts(tx: Transaction, key: str) -> None:
    await tx.execute(sa.delete(ATTEMPTS).where(ATTEMPTS.c.key == key))


async def is_trusted(tx: Transaction, key: str) -> bool:
    """Whether this account has signed in from there before."""
    return await tx.first(sa.select(TRUSTED.c.key).where(TRUSTED.c.key == key)) is not None


async def trust(tx: Transaction, key: str, at_us: int) -> None:
    """Remember that this account has signed in from there."""
    changed = await tx.execute(sa.update(TRUSTED).where(TRUSTED.c.key == key).values(last_us=at_us))
    if changed.rowcount == 0:
        await tx.execute(sa.insert(TRUSTED).values(key=key, last_us=at_us))


async def sweep_attempts(tx: Transaction, *, attempts_before_us: int, trusted_before_us: int) -> None:
    """Forget what is too old to matter."""
    await tx.execute(sa.delete(ATTEMPTS).where(ATTEMPTS.c.last_us < attempts_before_us))
    await tx.execute(sa.delete(TRUSTED).where(TRUSTED.c.last_us < trusted_before_us))
