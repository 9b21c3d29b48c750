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


_CLAIM = sa.text(
    "INSERT INTO security_attempts (key, failures, last_us, open_us) VALUES (:key, 0, 0, 0) "
    "ON CONFLICT (key) DO NOTHING"
)
_TRUST = sa.text(
    "INSERT INTO security_trusted (key, last_us) VALUES (:key, :at_us) ON CONFLICT (key) DO UPDATE SET last_us = :at_us"
)


async def hold(tx: Transaction, keys: Iterable[str]) -> dict[str, Attempts]:
    """What is known of these keys; others who ask wait until this transaction ends.

    Rows are made first and locked in order, so that guesses sent at once are counted one after the other.
    """
    wanted = sorted(keys)
    for key in wanted:
        await tx.execute(_CLAIM.bindparams(key=key))
    query = sa.select(ATTEMPTS).where(ATTEMPTS.c.key.in_(wanted)).order_by(ATTEMPTS.c.key).with_for_update()
    rows = await tx.all(query)
    return {r["key"]: Attempts(failures=r["failures"], last_us=r["last_us"], open_us=r["open_us"]) for r in rows}


async def save_attempts(tx: Transaction, key: str, found: Attempts) -> None:
    """Remember failures under a key that is held."""
    values = {"failures": found.failures, "last_us": found.last_us, "open_us": found.open_us}
    await tx.execute(sa.update(ATTEMPTS).where(ATTEMPTS.c.key == key).values(**values))


async def forget_attempts(tx: Transaction, key: str) -> None:
    await tx.execute(sa.delete(ATTEMPTS).where(ATTEMPTS.c.key == key))


async def is_trusted(tx: Transaction, key: str) -> bool:
    """Whether this account has signed in from there before."""
    return await tx.first(sa.select(TRUSTED.c.key).where(TRUSTED.c.key == key)) is not None


async def trust(tx: Transaction, key: str, at_us: int) -> None:
    """Remember that this account has signed in from there."""
    await tx.execute(_TRUST.bindparams(key=key, at_us=at_us))


async def sweep_attempts(tx: Transaction, *, attempts_before_us: int, trusted_before_us: int) -> None:
    """Forget what is too old to matter."""
    await tx.execute(sa.delete(ATTEMPTS).where(ATTEMPTS.c.last_us < attempts_before_us))
    await tx.execute(sa.delete(TRUSTED).where(TRUSTED.c.last_us < trusted_before_us))
