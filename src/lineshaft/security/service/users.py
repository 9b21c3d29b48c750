"""Looks after accounts: who may sign in, with which roles where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lineshaft.kernel.clock import now
from lineshaft.kernel.db import Database, Transaction
from lineshaft.kernel.errors import Forbidden, Invalid
from lineshaft.kernel.ids import new_id
from lineshaft.kernel.terms import PlantPath
from lineshaft.security.errors import LastAdmin, NameTaken, SignInFailed, UserNotFound
from lineshaft.security.events import UserChanged
from lineshaft.security.model import PLATFORM, FirstLogin, Grant, Role, User, Who, WhoKind
from lineshaft.security.store import people

from .guard import Guard, administered
from .passwords import Passwords, suggested
from .sessions import fold

MOST_GRANTS = 50


class Users:
    """The people of the plant.

    An administrator of a subtree looks after accounts that live there and hold nothing beyond it;
    whoever holds more can only be changed by somebody who administers all of it.
    """

    def __init__(self, db: Database, guard: Guard, passwords: Passwords) -> None:
        self._db = db
        self._guard = guard
        self._passwords = passwords

    async def create(
        self,
        who: Who,
        *,
        login: str,
        password: str,
        name: str = "",
        grants: Sequence[Grant] = (),
        home: str | None = None,
        language: str = "",
    ) -> User:
        """Make an account; without `home` it lives in the organisation its grants name."""
        user = User(
            id=new_id(),
            login=_checked_login(login),
            name=name.strip()[:100] or login.strip(),
            home=_home(grants) if home is None else _checked_tree(home),
            grants=checked_grants(grants),
            language=language,
            disabled=False,
            created_at=now(),
            signed_in_at=None,
        )
        await self._administer(who, user, "security.user.create")
        self._passwords.judge(password, names=(user.login, user.name))
        hashed = await self._passwords.hash(password)
        async with self._db.begin() as tx:
            await people.add_user(tx, user, hashed)
            await self._note(tx, who, user, "create", before=None)
        return user

    async def get(self, who: Who, user_id: str) -> User:
        """One account: one's own, or one somebody administers."""
        who, user = await self._guard.current(who), await self._find(user_id)
        seen = user.id == who.id or any(PlantPath(user.home).within(t) for t in administered(who))
        if not seen:
            await self._guard.require(who, Role.ADMIN, user.home, "security.user.read")
        return user

    async def list_(self, who: Who, *, after: str = "", limit: int = 100) -> list[User]:
        """Accounts of the subtrees somebody administers, by login, those after `after`."""
        who = await self._guard.current(who)
        trees = administered(who)
        if not trees:
            await self._guard.require(who, Role.ADMIN, "", "security.user.read")
        async with self._db.read() as tx:
            return await people.users(tx, trees=trees, after=after, limit=limit)

    async def change(
        self,
        who: Who,
        user_id: str,
        *,
        name: str | None = None,
        grants: Sequence[Grant] | None = None,
        home: str | None = None,
        language: str | None = None,
        disabled: bool | None = None,
    ) -> User:
        """Change what is given; one's own grants, home and sign-in are changed by somebody else.

        A disabled account is signed out everywhere and its tokens rest until it is enabled again.
        """
        who, old = await self._guard.current(who), await self._find(user_id)
        new = replace(
            old,
            name=old.name if name is None else name.strip()[:100] or old.login,
            grants=old.grants if grants is None else checked_grants(grants),
            home=old.home if home is None else _checked_tree(home),
            language=old.language if language is None else language,
            disabled=old.disabled if disabled is None else disabled,
        )
        rights_stay = (old.grants, old.home, old.disabled) == (new.grants, new.home, new.disabled)
        if not (who.id == old.id and rights_stay):
            await self._administer(who, old, "security.user.change")
            await self._administer(who, new, "security.user.change")
        if who.id == old.id and not rights_stay:
            raise Forbidden("Nobody changes their own rights.", hint="Ask another administrator.")
        return await self._save(who, old, new)

    async def disable(self, who: Who, user_id: str) -> User:
        """Keep somebody out from now on."""
        return await self.change(who, user_id, disabled=True)

    async def enable(self, who: Who, user_id: str) -> User:
        """Let somebody in again."""
        return await self.change(who, user_id, disabled=False)

    async def set_password(self, who: Who, user_id: str, password: str) -> None:
        """Give somebody a new password as administrator; they are signed out everywhere."""
        user = await self._find(user_id)
        await self._administer(who, user, "security.user.password")
        await self._put_password(who, user, password, keep="")

    async def change_password(self, who: Who, old: str, new: str) -> None:
        """Change one's own password; one's other sessions end."""
        if who.kind is not WhoKind.USER:
            raise Forbidden(f"{who.name} has no password.", hint="Sign in with a name and a password first.")
        user = await self._find((await self._guard.current(who)).id)
        async with self._db.read() as tx:
            stored = await people.password_hash(tx, user.id)
        if not await self._passwords.verify(stored, old):
            await self._guard.deny(who, "security.user.password", user.home, subject=f"user:{user.login}")
            raise SignInFailed("The present password is wrong.", hint="Type the one you signed in with.")
        await self._put_password(who, user, new, keep=who.credential.partition(":")[2])

    async def ensure_admin(self, login: str = "admin") -> FirstLogin | None:
        """Make the first administrator with a random password; None when there are accounts already."""
        async with self._db.read() as tx:
            if await people.any_user(tx):
                return None
        password = suggested()
        grants = (Grant(role=Role.ADMIN),)
        try:
            await self.create(PLATFORM, login=login, password=password, name="Administrator", grants=grants)
        except NameTaken:
            return None  # another process was first
        return FirstLogin(login=login, password=password)

    async def _find(self, user_id: str) -> User:
        async with self._db.read() as tx:
            user = await people.find_user(tx, user_id)
        if user is None:
            raise UserNotFound(f"There is no user {user_id!r}.", hint="See the list under Settings, Users.")
        return user

    async def _administer(self, who: Who, user: User, action: str) -> None:
        """Require the administrator's role wherever the account lives or holds something."""
        for place in sorted({user.home, *(g.subtree for g in user.grants)}):
            await self._guard.require(who, Role.ADMIN, place, action)

    async def _save(self, who: Who, old: User, new: User) -> User:
        if new == old:
            return new
        async with self._db.begin() as tx:
            await people.save_user(tx, new)
            if new.disabled:
                await people.end_sessions(tx, new.id)
            await self._note(tx, who, new, "disable" if new.disabled and not old.disabled else "change", before=old)
            # After the note, whose chain makes writers queue: two administrators cannot remove each other at once.
            if _runs_platform(old) and not any(_runs_platform(user) for user in await people.enabled_users(tx)):
                raise LastAdmin(f"{old.login} is the last administrator of the whole platform.")
        self._guard.forget()
        return new

    async def _put_password(self, who: Who, user: User, password: str, *, keep: str) -> None:
        self._passwords.judge(password, names=(user.login, user.name))
        hashed = await self._passwords.hash(password)
        async with self._db.begin() as tx:
            await people.set_password_hash(tx, user.id, hashed)
            ended = await people.end_sessions(tx, user.id, keep=keep)
            await self._guard.record(
                who,
                "security.user.password",
                f"user:{user.login}",
                after={"sessions_ended": ended},
                path=user.home,
                tx=tx,
            )
            await tx.announce(UserChanged(user=user.id, change="password"))
        self._guard.forget()

    async def _note(self, tx: Transaction, who: Who, user: User, change: str, *, before: User | None) -> None:
        await self._guard.record(
            who,
            f"security.user.{change}",
            f"user:{user.login}",
            before=_shown(before) if before else None,
            after=_shown(user),
            path=user.home,
            tx=tx,
        )
        await tx.announce(UserChanged(user=user.id, change=change))


def checked_grants(grants: Sequence[Grant]) -> tuple[Grant, ...]:
    """Grants with valid subtrees, one per subtree (the highest), by subtree."""
    if len(grants) > MOST_GRANTS:
        raise Invalid(
            f"{len(grants)} grants are too many.", hint=f"Use at most {MOST_GRANTS}; grant on a larger subtree."
        )
    highest: dict[str, Role] = {}
    for grant in grants:
        tree = _checked_tree(grant.subtree)
        highest[tree] = max(grant.role, highest.get(tree, grant.role))
    return tuple(Grant(role=role, subtree=tree) for tree, role in sorted(highest.items()))


def shown_grants(grants: Sequence[Grant]) -> dict[str, str]:
    """Grants as people read them in the audit log: `{"acme/berlin": "engineer"}`."""
    return {grant.subtree: grant.role.name.lower() for grant in grants}


def _shown(user: User) -> dict[str, Any]:
    return {
        "name": user.name,
        "home": user.home,
        "grants": shown_grants(user.grants),
        "language": user.language,
        "disabled": user.disabled,
    }


def _runs_platform(user: User) -> bool:
    return Grant(role=Role.ADMIN) in user.grants


def _home(grants: Sequence[Grant]) -> str:
    organisations = {grant.subtree.split("/", 1)[0] for grant in grants}
    return organisations.pop() if len(organisations) == 1 else ""


def _checked_tree(subtree: str) -> str:
    return str(PlantPath.parse(subtree)) if subtree else ""


def _checked_login(login: str) -> str:
    """A sign-in name: letters, digits and . _ - @, so that it reads the same everywhere."""
    folded = fold(login)
    if not folded or not all(c.isalnum() or c in "._-@" for c in folded):
        raise Invalid(f"{login!r} cannot be a sign-in name.", hint="Use letters, digits and . _ - @.")
    return folded
