"""Gives keys to programs and takes them back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from lineshaft.kernel.clock import now, now_us
from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import Forbidden, Invalid
from lineshaft.kernel.ids import new_id
from lineshaft.security.errors import TokenNotFound
from lineshaft.security.events import TokenChanged
from lineshaft.security.model import Grant, NewToken, Role, Token, Who, WhoKind
from lineshaft.security.store import keys
from lineshaft.security.store.keys import KnownToken

from .guard import Guard, administered
from .standings import digest_of, new_secret
from .users import checked_grants, shown_grants


class Tokens:
    """API tokens, `ls_<id>_<secret>`: each acts for its owner and never exceeds what the owner holds."""

    def __init__(self, db: Database, guard: Guard) -> None:
        self._db = db
        self._guard = guard

    async def create(
        self, who: Who, *, name: str, grants: Sequence[Grant], ends_at: datetime | None = None
    ) -> NewToken:
        """Make a token with at most one's own grants; its text is shown this once and kept nowhere."""
        who = await self._guard.current(who)
        if who.kind in (WhoKind.TOKEN, WhoKind.DEVICE):
            raise Forbidden("A token cannot make tokens.", hint="Sign in with a name and a password first.")
        wanted = checked_grants(grants)
        if not name.strip() or not wanted:
            raise Invalid(
                "A token needs a name and at least one role.", hint="Say what it is for and where it may act."
            )
        if ends_at is not None and ends_at <= now():
            raise Invalid(f"The token would have ended at {ends_at:%Y-%m-%d %H:%M}.", hint="Choose a later time.")
        for grant in wanted:
            await self._guard.require(who, grant.role, grant.subtree, "security.token.create")
        return await self._add(who, name.strip()[:100], wanted, ends_at)

    async def _add(self, who: Who, name: str, grants: tuple[Grant, ...], ends_at: datetime | None) -> NewToken:
        personal = who.kind is WhoKind.USER
        token = Token(
            id=new_id(),
            name=name,
            owner_id=who.id if personal else "",
            owner=who.name if personal else "",
            grants=grants,
            created_at=now(),
            ends_at=ends_at,
            used_at=None,
            revoked_at=None,
        )
        secret = new_secret()
        after = {"id": token.id, "grants": shown_grants(grants), "ends_at": ends_at}
        async with self._db.begin() as tx:
            await keys.add_token(tx, token, digest_of(secret))
            place = _place(grants)
            await self._guard.record(who, "security.token.create", f"token:{name}", after=after, path=place, tx=tx)
            await tx.announce(TokenChanged(token=token.id, change="create"))
        return NewToken(token=token, secret=f"ls_{token.id}_{secret}")

    async def list_(self, who: Who, *, after: str = "", limit: int = 100) -> list[Token]:
        """One's own tokens, and those of people one administers; oldest first, those after the id `after`."""
        who = await self._guard.current(who)
        async with self._db.read() as tx:
            return await keys.tokens(tx, owner_id=who.id, trees=administered(who), after=after, limit=limit)

    async def revoke(self, who: Who, token_id: str) -> None:
        """End a token at once: one's own, or one of somebody whose account one administers."""
        who = await self._guard.current(who)
        known = await self._find(token_id)
        if who.id not in (known.token.owner_id, token_id):
            await self._guard.require(who, Role.ADMIN, known.owner.home if known.owner else "", "security.token.revoke")
        async with self._db.begin() as tx:
            await keys.revoke_token(tx, token_id, now_us())
            before = {"id": token_id, "grants": shown_grants(known.token.grants)}
            place = _place(known.token.grants)
            await self._guard.record(
                who, "security.token.revoke", f"token:{known.token.name}", before=before, path=place, tx=tx
            )
            await tx.announce(TokenChanged(token=token_id, change="revoke"))
        self._guard.forget()

    async def _find(self, token_id: str) -> KnownToken:
        async with self._db.read() as tx:
            known = await keys.find_token(tx, token_id)
        if known is None or known.token.revoked_at is not None:
            raise TokenNotFound(f"There is no token {token_id!r}.", hint="See the list under Settings, Tokens.")
        return known


def _place(grants: tuple[Grant, ...]) -> str:
    """The part of the plant a token concerns: that of its only grant, else the whole platform."""
    return grants[0].subtree if len(grants) == 1 else ""
