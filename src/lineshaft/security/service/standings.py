"""Knows who stands behind a session or a token at this moment.

Answers are kept for two seconds, so that a thousand requests a second do not become a thousand
questions to the database, and what another process has revoked ends within two seconds. What this
process changes itself is forgotten at once.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from time import monotonic

from lineshaft.kernel.clock import MICROS, now_us, to_us
from lineshaft.kernel.db import Database, Transaction
from lineshaft.security.errors import SessionEnded, TokenRefused
from lineshaft.security.model import Session, User, Who, WhoKind, intersect
from lineshaft.security.settings import SecuritySettings
from lineshaft.security.store import keys, people
from lineshaft.security.store.keys import KnownToken

KEPT_S = 2.0
MOST_KEPT = 10_000
_HOUR_US = 3600 * MICROS


@dataclass(frozen=True, slots=True)
class _Kept:
    who: Who | None
    until: float


class Standings:
    """Resolves sessions and tokens to actors, and remembers when each was last used."""

    def __init__(self, db: Database, settings: SecuritySettings | None = None) -> None:
        self._db = db
        self._idle_us = int((settings or SecuritySettings()).session_idle_h * _HOUR_US)
        self._kept: dict[str, _Kept] = {}
        self._sessions_used: dict[str, int] = {}
        self._tokens_used: dict[str, int] = {}

    async def of_session(self, secret: str, origin: str) -> Who | None:
        """Who signed in with this cookie; None when the session is unknown or has ended."""
        digest = digest_of(secret)

        async def find(tx: Transaction) -> Who | None:
            return self._session_who(await people.find_session(tx, secret_hash=digest))

        return self._used(await self._known(f"cookie:{digest}", find), origin)

    async def of_token(self, text: str, origin: str) -> Who:
        """Who a token acts as; TokenRefused when it is unknown, has ended or was revoked."""
        token_id, secret = split_token(text)

        async def find(tx: Transaction) -> Who | None:
            known = await keys.find_token(tx, token_id)
            fits = known is not None and hmac.compare_digest(known.secret_hash, digest_of(secret))
            return _token_who(known) if fits else None

        who = self._used(await self._known(f"text:{digest_of(text)}", find), origin)
        if who is None:
            raise TokenRefused("The token is unknown, has ended or was revoked.")
        return who

    async def current(self, who: Who) -> Who:
        """The same actor with the grants held now; SessionEnded when what it came with has ended."""
        if not who.credential:
            return who
        kind, _, which = who.credential.partition(":")

        async def find(tx: Transaction) -> Who | None:
            if kind == "session":
                return self._session_who(await people.find_session(tx, id=which))
            return _token_who(await keys.find_token(tx, which))

        now = self._used(await self._known(who.credential, find), who.origin)
        if now is None:
            raise SessionEnded(f"{who.name} is no longer signed in.")
        return now

    async def lasting(self, who: Who) -> Who | None:
        """The person or token behind an actor with the grants held now, signed in or not; None when they may no more.

        For work they left to be done later.
        """
        kind, _, which = who.credential.partition(":")
        if not kind:
            return who
        async with self._db.read() as tx:
            if kind == "token":
                found = _token_who(await keys.find_token(tx, which))
            else:
                user = await people.find_user(tx, who.id)
                found = None if user is None or user.disabled else who_of(user)
        return found and replace(found, credential="", origin=who.origin)

    def forget(self) -> None:
        """Ask the database again: somebody's rights have changed."""
        self._kept.clear()

    async def flush(self) -> None:
        """Write down when sessions and tokens were last used."""
        sessions, self._sessions_used = self._sessions_used, {}
        tokens, self._tokens_used = self._tokens_used, {}
        if sessions or tokens:
            async with self._db.begin() as tx:
                await people.touch_sessions(tx, sessions)
                await keys.touch_tokens(tx, tokens)

    async def _known(self, key: str, find: Callable[[Transaction], Awaitable[Who | None]]) -> Who | None:
        kept = self._kept.get(key)
        if kept is not None and kept.until > monotonic():
            return kept.who
        async with self._db.read() as tx:
            who = await find(tx)
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        self._kept[key] = _Kept(who, monotonic() + KEPT_S)
        return who

    def _session_who(self, found: tuple[Session, User] | None) -> Who | None:
        if found is None:
            return None
        session, user = found
        now = now_us()
        seen = max(to_us(session.seen_at), self._sessions_used.get(session.id, 0))
        if user.disabled or to_us(session.ends_at) <= now or seen + self._idle_us <= now:
            return None
        return who_of(user, credential=f"session:{session.id}")

    def _used(self, who: Who | None, origin: str) -> Who | None:
        if who is None:
            return None
        kind, _, which = who.credential.partition(":")
        used = self._sessions_used if kind == "session" else self._tokens_used
        used[which] = now_us()
        return replace(who, origin=origin)


def who_of(user: User, *, credential: str = "", origin: str = "") -> Who:
    """A person as an actor."""
    return Who(id=user.id, name=user.login, kind=WhoKind.USER, grants=user.grants, origin=origin, credential=credential)


def _token_who(known: KnownToken | None) -> Who | None:
    """A token as an actor, held to what its owner may do now."""
    if known is None:
        return None
    token, owner = known.token, known.owner
    ended = token.revoked_at is not None or (token.ends_at is not None and to_us(token.ends_at) <= now_us())
    orphaned = bool(token.owner_id) and (owner is None or owner.disabled)
    if ended or orphaned:
        return None
    return Who(
        id=token.id,
        name=f"{token.name} (token of {owner.login})" if owner else f"{token.name} (token)",
        kind=WhoKind.TOKEN,
        grants=intersect(token.grants, owner.grants) if owner else token.grants,
        owner=token.owner_id,
        credential=f"token:{token.id}",
    )


def digest_of(secret: str) -> str:
    """How random secrets are kept: SHA-256 is enough for 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_secret() -> str:
    """256 random bits as text."""
    return secrets.token_urlsafe(32)


def split_token(text: str) -> tuple[str, str]:
    """The id and the secret inside `ls_<id>_<secret>`; TokenRefused when it is no token of ours."""
    prefix, _, rest = text.partition("_")
    token_id, _, secret = rest.partition("_")
    if prefix != "ls" or not token_id.isalnum() or not secret:
        raise TokenRefused("That is not a token of this platform.", hint="It looks like ls_<id>_<secret>.")
    return token_id, secret
