"""Signs people in and out."""

from __future__ import annotations

from datetime import timedelta

from lineshaft.kernel.clock import MICROS, now, now_us, to_us
from lineshaft.kernel.db import Database
from lineshaft.kernel.ids import new_id
from lineshaft.security.errors import SessionNotFound, SignInFailed, TooManyAttempts
from lineshaft.security.model import Role, Session, SignedIn, User, Who, WhoKind
from lineshaft.security.settings import SecuritySettings
from lineshaft.security.store import attempts, people

from . import throttle
from .guard import Guard
from .passwords import Passwords, outdated
from .standings import digest_of, new_secret, who_of
from .throttle import Attempt

_DAY_US = 86_400 * MICROS


class Sessions:
    """Who is signed in, from where."""

    def __init__(
        self, db: Database, guard: Guard, passwords: Passwords, settings: SecuritySettings | None = None
    ) -> None:
        self._db = db
        self._guard = guard
        self._passwords = passwords
        self._settings = settings or SecuritySettings()

    async def sign_in(
        self, login: str, password: str, *, origin: str, agent: str = "", instead_of: str = ""
    ) -> SignedIn:
        """Check a password and start a session with a new secret; the session `instead_of` (a secret) ends.

        Raises SignInFailed, TooManyAttempts or Busy; takes as long for names nobody has.
        """
        login = fold(login)
        attempt = Attempt.of(login, origin)
        user, stored = await self._enter(login, attempt, origin)
        if not await self._passwords.verify(stored, password) or user is None or user.disabled:
            await self._refuse(login, user, attempt, origin)
            raise SignInFailed("The name or the password is wrong.")
        fresh = await self._passwords.hash(password) if outdated(stored or "") else None
        return await self._begin(user, attempt, origin=origin, agent=agent, instead_of=instead_of, fresh_hash=fresh)

    async def _enter(self, login: str, attempt: Attempt, origin: str) -> tuple[User | None, str | None]:
        try:
            async with self._db.begin() as tx:
                await throttle.enter(tx, attempt)
                return await people.find_login(tx, login) or (None, None)
        except TooManyAttempts:
            await self._guard.deny(nobody(origin), "security.sign_in.slowed", "", subject=f"user:{login}")
            raise

    async def _refuse(self, login: str, user: User | None, attempt: Attempt, origin: str) -> None:
        async with self._db.begin() as tx:
            await throttle.failed(tx, attempt)
        home = user.home if user else ""
        await self._guard.deny(nobody(origin), "security.sign_in", home, subject=f"user:{login}")

    async def _begin(
        self, user: User, attempt: Attempt, *, origin: str, agent: str, instead_of: str, fresh_hash: str | None
    ) -> SignedIn:
        secret = new_secret()
        session = Session(
            id=new_id(),
            user_id=user.id,
            origin=origin,
            agent=agent[:200],
            created_at=now(),
            seen_at=now(),
            ends_at=now() + timedelta(hours=self._settings.session_most_h),
        )
        who = who_of(user, origin=origin, credential=f"session:{session.id}")
        async with self._db.begin() as tx:
            await throttle.passed(tx, attempt)
            old = await people.find_session(tx, secret_hash=digest_of(instead_of)) if instead_of else None
            if old is not None:
                await people.end_session(tx, old[0].id)
            if fresh_hash:
                await people.set_password_hash(tx, user.id, fresh_hash)
            await people.add_session(tx, session, digest_of(secret))
            await people.signed_in(tx, user.id, to_us(session.created_at))
            await self._guard.record(who, "security.sign_in", f"user:{user.login}", path=user.home, tx=tx)
        self._guard.forget()
        return SignedIn(session=session, user=user, secret=secret)

    async def sign_out(self, who: Who) -> None:
        """End the session somebody came with."""
        kind, _, session_id = who.credential.partition(":")
        if kind == "session":
            await self._end(who, session_id, "security.sign_out")

    async def list_(self, who: Who, user_id: str = "") -> list[Session]:
        """Sessions of a user, one's own unless another is named; newest first."""
        user = await self._watched(who, user_id or who.id, "security.session.read")
        async with self._db.read() as tx:
            found = await people.sessions(tx, user.id)
        return [s for s in found if self._lives(s)]

    async def end(self, who: Who, session_id: str) -> None:
        """End one session: one's own, or as administrator somebody else's."""
        async with self._db.read() as tx:
            found = await people.find_session(tx, id=session_id)
        if found is None:
            raise SessionNotFound("That session has ended already.")
        await self._watched(who, found[1].id, "security.session.end")
        await self._end(who, session_id, "security.session.end")

    async def end_all(self, who: Who, user_id: str = "", *, but_this: bool = True) -> int:
        """End every session of a user, by default save the one somebody came with; returns how many."""
        user = await self._watched(who, user_id or who.id, "security.session.end")
        keep = who.credential.partition(":")[2] if but_this else ""
        async with self._db.begin() as tx:
            ended = await people.end_sessions(tx, user.id, keep=keep)
            after = {"sessions_ended": ended}
            await self._guard.record(
                who, "security.session.end_all", f"user:{user.login}", after=after, path=user.home, tx=tx
            )
        self._guard.forget()
        return ended

    async def sweep(self) -> None:
        """Forget sessions that have ended, failures of yesterday and places not used for a season."""
        now_ = now_us()
        idle_us = int(self._settings.session_idle_h * 3600 * MICROS)
        async with self._db.begin() as tx:
            await people.sweep_sessions(tx, now_us=now_, idle_since_us=now_ - idle_us)
            await attempts.sweep_attempts(tx, attempts_before_us=now_ - _DAY_US, trusted_before_us=now_ - 90 * _DAY_US)

    async def _watched(self, who: Who, user_id: str, action: str) -> User:
        """The user whose sessions these are; one's own, or of one's organisation as administrator."""
        async with self._db.read() as tx:
            user = await people.find_user(tx, user_id)
        if user is None:
            raise SessionNotFound("There is no such user.")
        if user.id != who.id:
            for place in {user.home, *(g.subtree for g in user.grants)}:
                await self._guard.require(who, Role.ADMIN, place, action)
        return user

    async def _end(self, who: Who, session_id: str, action: str) -> None:
        async with self._db.begin() as tx:
            found = await people.find_session(tx, id=session_id)
            await people.end_session(tx, session_id)
            if found is not None:
                await self._guard.record(who, action, f"user:{found[1].login}", path=found[1].home, tx=tx)
        self._guard.forget()

    def _lives(self, session: Session) -> bool:
        idle = timedelta(hours=self._settings.session_idle_h)
        return session.ends_at > now() and session.seen_at + idle > now()


def fold(login: str) -> str:
    """Sign-in names are the same in capitals and small letters."""
    return login.strip().casefold()[:100]


def nobody(origin: str) -> Who:
    """The actor of a refused sign-in."""
    return Who(id="anonymous", name="somebody not signed in", kind=WhoKind.USER, origin=origin)
