"""Answers whether somebody may do something, and remembers who did what.

await guard.require(who, Role.ENGINEER, path, "edge.write")          # before opening a transaction
async with db.begin() as tx:
    ...
    await guard.record(who, "edge.write", path, before=old, after=new, tx=tx)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

from lineshaft.kernel.clock import now_us
from lineshaft.kernel.db import Database, Transaction
from lineshaft.kernel.log import get_log
from lineshaft.security.errors import NotAllowed
from lineshaft.security.model import AuditEntry, AuditFilter, Outcome, Role, Verdict, Who
from lineshaft.security.store import audit

from .denials import Denial, Denials
from .redaction import redacted
from .standings import Standings

log = get_log("security")
WRITE_WITHIN = timedelta(seconds=5)


class Guard:
    """Permission and audit, in one place, for every context."""

    def __init__(self, db: Database, standings: Standings | None = None) -> None:
        self._db = db
        self._standings = standings or Standings(db)
        self._denials = Denials()

    def allowed(self, who: Who, role: Role, path: str) -> bool:
        """Whether somebody may do what needs `role` on `path`; '' is the whole platform. Not audited."""
        return who.may(role, path)

    async def require(self, who: Who, role: Role, path: str, action: str) -> None:
        """Raise NotAllowed (403), and audit the refusal, unless somebody holds `role` on `path` now.

        Rights taken away count at once, also for actors a page or a socket has held for hours: those whose
        session or token has ended get SessionEnded (401). Call it before opening a transaction, as the
        refusal is written in one of its own.
        """
        who = await self.current(who)
        if who.may(role, path):
            return
        await self.deny(who, action, path)
        held = who.role_on(path)
        raise NotAllowed(
            f"{who.name} {f'is only {held.name.lower()}' if held else 'has no role'} on {_place(path)}; "
            f"{action} needs the role {role.name.lower()}.",
            hint=f"Ask an administrator of {_place(path.split('/', 1)[0])} for that role.",
        )

    async def current(self, who: Who) -> Who:
        """The same actor with the grants held now; SessionEnded when the session or token has ended.

        Whatever stays open for long, a page or a socket, asks this every few seconds.
        """
        return await self._standings.current(who)

    async def lasting(self, who: Who) -> Who | None:
        """The actor with the grants held now, still signed in or not; None when they may not act any more.

        Whatever is done later for somebody asks this first.
        """
        return await self._standings.lasting(who)

    def forget(self) -> None:
        """Rights have changed: look them up again."""
        self._standings.forget()

    async def deny(self, who: Who, action: str, path: str, *, subject: str = "") -> None:
        """Audit that something was refused; a flood of equal refusals makes one row a minute."""
        denial = Denial(who=who, action=action, path=path[:500], subject=(subject or path)[:500])
        await self._write(self._denials.add(denial))

    async def settle(self, *, everything: bool = False) -> None:
        """Write the counts of refusals whose minute has ended; of all when the process stops."""
        await self._write(self._denials.due(everything=everything))

    async def _write(self, denials: list[Denial]) -> None:
        """A refusal stands even when it cannot be written down."""
        if not denials:
            return
        try:
            async with asyncio.timeout(WRITE_WITHIN.total_seconds()), self._db.begin() as tx:
                for denial in denials:
                    await audit.append(tx, _row(denial.who, denial.action, denial.subject, denial.path, denial.count))
        except Exception as error:
            log.error("refusals could not be audited", count=sum(d.count for d in denials), error=str(error))

    async def record(
        self,
        who: Who,
        action: str,
        subject: str,
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        path: str | None = None,
        tx: Transaction | None = None,
    ) -> None:
        """Append what was done to the audit log, in the transaction of the change when one is given.

        `path` says which part of the plant it concerns when `subject` is not a plant path itself; it decides
        which administrators may read the row. Whatever is named like a secret is hidden.
        """
        row = _row(who, action, subject, subject if path is None else path)
        row |= {"before": _content(before), "after": _content(after), "outcome": Outcome.DONE.value}
        if tx is not None:
            await audit.append(tx, row)
            return
        async with self._db.begin() as own:
            await audit.append(own, row)

    async def verify(self) -> Verdict:
        """Check the whole audit log for rows changed, removed, inserted or moved."""
        async with self._db.read() as tx:
            return await audit.verify(tx)

    async def entries(
        self, who: Who, wanted: AuditFilter | None = None, *, before: int | None = None, limit: int = 100
    ) -> list[AuditEntry]:
        """Rows of the audit log, newest first, of the parts of the plant somebody administers."""
        trees = administered(await self.current(who))
        if not trees:
            await self.require(who, Role.ADMIN, "", "security.audit.read")
        async with self._db.read() as tx:
            return await audit.page(tx, wanted or AuditFilter(), trees=trees, before=before, limit=limit)

    async def every_entry(self, who: Who, wanted: AuditFilter | None = None) -> AsyncIterator[AuditEntry]:
        """All rows somebody may read, newest first, a thousand at a time."""
        before = None
        while found := await self.entries(who, wanted, before=before, limit=1000):
            for entry in found:
                yield entry
            before = found[-1].seq


def administered(who: Who) -> tuple[str, ...]:
    """The subtrees somebody is administrator of."""
    return tuple(grant.subtree for grant in who.grants if grant.role >= Role.ADMIN)


def _place(path: str) -> str:
    return path or "the whole platform"


def _content(content: Mapping[str, Any] | None) -> str | None:
    return None if content is None else redacted(content)


def _row(who: Who, action: str, subject: str, path: str, count: int = 1) -> dict[str, Any]:
    """A row of a refusal; `record` makes it one of a deed."""
    return {
        "at_us": now_us(),
        "actor_id": who.id[:80],
        "actor": who.name[:200],
        "kind": who.kind.value,
        "owner": who.owner[:80],
        "origin": who.origin[:100],
        "action": action[:80],
        "subject": subject[:500],
        "path": path[:500],
        "outcome": Outcome.DENIED.value,
        "count": count,
        "before": None,
        "after": None,
    }
