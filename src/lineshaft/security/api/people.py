"""Sessions, users and roles over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from lineshaft.kernel.http import Slice, caller, pack_cursor
from lineshaft.security.model import Role, Session, Who
from lineshaft.security.service import Security

from .forms import begin, keep
from .gate import COOKIE, is_secure
from .shapes import (
    NewUserBody,
    OwnPasswordBody,
    PasswordBody,
    SignInBody,
    UserBody,
    UserShape,
    WhoShape,
    grants_of,
    key_in,
)

Caller = Annotated[Who, Depends(caller)]
Limit = Annotated[int, Query(ge=1, le=1000)]


def router(security: Security, *, public_url: str = "") -> APIRouter:
    """Sign in and out, look after accounts."""
    api = APIRouter()
    _sessions(api, security, public_url)
    _own(api, security)
    _users(api, security)

    @api.get("/roles")
    async def roles(_who: Caller) -> list[dict[str, str | int]]:
        """The roles, each including those before it."""
        return [{"name": role.name.lower(), "level": int(role), "may": _MAY[role]} for role in Role]

    return api


_MAY = {
    Role.VIEWER: "See values, trends and structure.",
    Role.OPERATOR: "Also write setpoints marked writable.",
    Role.ENGINEER: "Also change connections, twins and data.",
    Role.ADMIN: "Also change users, tokens, devices and settings, and read the audit log.",
}


def _sessions(api: APIRouter, security: Security, public_url: str) -> None:
    @api.post("/session", status_code=201)
    async def sign_in(body: SignInBody, request: Request, response: Response) -> UserShape:
        """Sign in with a name and a password; the answer sets the session cookie."""
        done = await begin(security, request, body.login, body.password)
        keep(response, done, secure=is_secure(request, public_url))
        return UserShape.of(done.user)

    @api.get("/session")
    async def whoami(who: Caller) -> WhoShape:
        """Who you are, and what you may do where."""
        return WhoShape.of(who)

    @api.delete("/session", status_code=204)
    async def sign_out(who: Caller, response: Response) -> None:
        """End this session."""
        await security.sessions.sign_out(who)
        response.delete_cookie(COOKIE)

    @api.get("/sessions")
    async def sessions(who: Caller, user: str = "") -> Slice[Session]:
        """Where you are signed in; as administrator also where others are."""
        return Slice(items=await security.sessions.list_(who, user))

    @api.delete("/sessions/{session_id}", status_code=204)
    async def end_session(session_id: str, who: Caller) -> None:
        """End one session."""
        await security.sessions.end(who, session_id)

    @api.delete("/sessions")
    async def end_sessions(who: Caller, user: str = "") -> dict[str, int]:
        """End all sessions of a user but this one."""
        return {"ended": await security.sessions.end_all(who, user)}


def _own(api: APIRouter, security: Security) -> None:
    @api.get("/me")
    async def me(who: Caller) -> UserShape:
        """Your account."""
        return UserShape.of(await security.users.get(who, who.owner or who.id))

    @api.post("/me/password", status_code=204)
    async def change_password(body: OwnPasswordBody, who: Caller) -> None:
        """Change your password; your other sessions end."""
        await security.users.change_password(who, body.old, body.new)


def _users(api: APIRouter, security: Security) -> None:
    users = security.users

    @api.get("/users")
    async def list_users(who: Caller, cursor: str = "", limit: Limit = 100) -> Slice[UserShape]:
        """Accounts you administer, by login."""
        found = await users.list_(who, after=key_in(cursor), limit=limit)
        more = pack_cursor(found[-1].login) if len(found) == limit else None
        return Slice(items=[UserShape.of(user) for user in found], next=more)

    @api.post("/users", status_code=201)
    async def create_user(body: NewUserBody, who: Caller) -> UserShape:
        """Make an account."""
        user = await users.create(
            who,
            login=body.login,
            password=body.password,
            name=body.name,
            grants=grants_of(body.grants),
            home=body.home,
            language=body.language,
        )
        return UserShape.of(user)

    @api.get("/users/{user_id}")
    async def get_user(user_id: str, who: Caller) -> UserShape:
        """One account."""
        return UserShape.of(await users.get(who, user_id))

    @api.patch("/users/{user_id}")
    async def change_user(user_id: str, body: UserBody, who: Caller) -> UserShape:
        """Change an account, or disable it."""
        grants = None if body.grants is None else grants_of(body.grants)
        user = await users.change(
            who,
            user_id,
            name=body.name,
            grants=grants,
            home=body.home,
            language=body.language,
            disabled=body.disabled,
        )
        return UserShape.of(user)

    @api.post("/users/{user_id}/password", status_code=204)
    async def set_password(user_id: str, body: PasswordBody, who: Caller) -> None:
        """Give somebody a new password; they are signed out everywhere."""
        await users.set_password(who, user_id, body.password)
