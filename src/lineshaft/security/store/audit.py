"""Keeps the audit log: rows are appended to a hash chain and never touched again.

    hash[n] = SHA-256(hash[n-1] + "\\n" + JSON of row n without its hash)

One row in `security_audit_head` says where the chain ends. Updating it first makes writers queue, so
that two processes never append to the same end.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from lineshaft.kernel.clock import from_us, to_us
from lineshaft.kernel.db import Transaction
from lineshaft.security.model import AuditEntry, AuditFilter, Outcome, Verdict, WhoKind

from .tables import AUDIT, AUDIT_HEAD, below, within

ROOT = "0" * 64
"""The hash before the first row."""
_CHAINED = tuple(c.name for c in AUDIT.columns if c.name != "hash")


async def append(tx: Transaction, row: dict[str, Any]) -> None:
    """Add one row (everything but `seq` and `hash`) at the end of the chain."""
    head = await _lock_head(tx)
    row = {**row, "seq": head["seq"]}
    row["hash"] = link(head["hash"], row)
    await tx.execute(sa.insert(AUDIT).values(**row))
    await tx.execute(sa.update(AUDIT_HEAD).values(hash=row["hash"]))


async def _lock_head(tx: Transaction) -> sa.RowMapping:
    """Move the head one row on; other writers wait for this transaction from here."""
    moved = sa.update(AUDIT_HEAD).values(seq=AUDIT_HEAD.c.seq + 1).returning(AUDIT_HEAD.c.seq, AUDIT_HEAD.c.hash)
    return (await tx.execute(moved)).mappings().one()


def link(before: str, row: dict[str, Any]) -> str:
    """The hash of a row that follows the hash `before`."""
    content = msgspec.json.encode([row[name] for name in _CHAINED])
    return hashlib.sha256(before.encode() + b"\n" + content).hexdigest()


async def verify(tx: Transaction) -> Verdict:
    """Recompute the whole chain; names the first row that was changed, removed, inserted or moved."""
    known = await _head(tx)
    before, count = ROOT, 0
    async for row in _in_order(tx):
        if row["seq"] != count + 1:
            return Verdict(rows=count, broken_at=count + 1, reason=f"row {count + 1} is missing")
        if row["hash"] != link(before, dict(row)):
            return Verdict(rows=count, broken_at=count + 1, reason=f"row {count + 1} was changed")
        before, count = row["hash"], count + 1
        if count == known["seq"] and before != known["hash"]:
            return Verdict(rows=count - 1, broken_at=count, reason=f"row {count} is not the one that was written")
    if count < known["seq"]:
        return Verdict(rows=count, broken_at=count + 1, reason=f"the rows after {count} were removed")
    if count > (await _head(tx))["seq"]:
        return Verdict(rows=count, broken_at=count, reason=f"row {count} was added by somebody else")
    return Verdict(rows=count)


async def _head(tx: Transaction) -> sa.RowMapping:
    return (await tx.execute(sa.select(AUDIT_HEAD))).mappings().one()


async def _in_order(tx: Transaction, most: int = 2000) -> AsyncIterator[sa.RowMapping]:
    after = 0
    while rows := await tx.all(sa.select(AUDIT).where(AUDIT.c.seq > after).order_by(AUDIT.c.seq).limit(most)):
        for row in rows:
            yield row
        after = rows[-1]["seq"]


async def page(
    tx: Transaction, wanted: AuditFilter, *, trees: Sequence[str], before: int | None, limit: int
) -> list[AuditEntry]:
    """The newest rows first, those before row `before`; only about these subtrees."""
    query = sa.select(AUDIT).where(*_conditions(wanted, trees)).order_by(AUDIT.c.seq.desc()).limit(limit)
    if before is not None:
        query = query.where(AUDIT.c.seq < before)
    return [_entry(row) for row in await tx.all(query)]


def _conditions(wanted: AuditFilter, trees: Sequence[str]) -> list[sa.ColumnElement[bool]]:
    found = [within(AUDIT.c.path, trees)]
    if wanted.actor:
        ids = sa.or_(AUDIT.c.actor_id == wanted.actor, AUDIT.c.owner == wanted.actor)
        found.append(sa.or_(ids, AUDIT.c.actor.icontains(wanted.actor, autoescape=True)))
    if wanted.action:
        found.append(AUDIT.c.action.startswith(wanted.action, autoescape=True))
    if wanted.subject:
        found.append(below(AUDIT.c.subject, wanted.subject))
    if wanted.text:
        shown = (AUDIT.c.actor, AUDIT.c.action, AUDIT.c.subject)
        found.append(sa.or_(*(column.icontains(wanted.text, autoescape=True) for column in shown)))
    if wanted.outcome:
        found.append(AUDIT.c.outcome == wanted.outcome.value)
    if wanted.start:
        found.append(AUDIT.c.at_us >= to_us(wanted.start))
    if wanted.end:
        found.append(AUDIT.c.at_us < to_us(wanted.end))
    return found


def _entry(row: sa.RowMapping) -> AuditEntry:
    return AuditEntry(
        seq=row["seq"],
        at=from_us(row["at_us"]),
        actor_id=row["actor_id"],
        actor=row["actor"],
        kind=WhoKind(row["kind"]),
        owner=row["owner"],
        origin=row["origin"],
        action=row["action"],
        subject=row["subject"],
        outcome=Outcome(row["outcome"]),
        count=row["count"],
        before=msgspec.json.decode(row["before"]) if row["before"] else None,
        after=msgspec.json.decode(row["after"]) if row["after"] else None,
        hash=row["hash"],
    )
