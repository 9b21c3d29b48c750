"""The addresses the sign-in page and the account menu post to; they answer with a redirection."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from lineshaft.kernel.errors import PlatformError
from lineshaft.security.model import SignedIn
from lineshaft.security.service import Security

from .gate import COOKIE, is_secure, origin_of

LANGUAGE_COOKIE = "lineshaft_language"
SIGN_IN, SIGN_OUT = "/sign-in", "/sign-out"


def router(security: Security, *, public_url: str = "") -> APIRouter:
    """Sign in, sign out."""
    forms = APIRouter(include_in_schema=False)

    @forms.post(SIGN_IN)
    async def sign_in(
        request: Request,
        user: Annotated[str, Form(max_length=200)],
        password: Annotated[str, Form(max_length=1000)],
        after: Annotated[str, Form(alias="next", max_length=2000)] = "/",
    ) -> Response:
        """Check name and password; back to the page with a reason when they do not fit."""
        try:
            done = await begin(security, request, user, password)
        except PlatformError as error:
            told: dict[str, Any] = {"failed": error.code, "next": local(after)}
            if "wait_s" in error.details:
                told["wait"] = error.details["wait_s"]
            return RedirectResponse(f"{SIGN_IN}?{urlencode(told)}", status_code=303)
        response = RedirectResponse(local(after), status_code=303)
        keep(response, done, secure=is_secure(request, public_url))
        return response

    @forms.post(SIGN_OUT)
    async def sign_out(request: Request) -> Response:
        """End the session of this browser."""
        if request.state.who is not None:
            await security.sessions.sign_out(request.state.who)
        response = RedirectResponse(SIGN_IN, status_code=303)
        response.delete_cookie(COOKIE)
        return response

    return forms


async def begin(security: Security, request: Request, login: str, password: str) -> SignedIn:
    """Sign in; a session the browser brought along ends, so that nobody can plant one."""
    return await security.sessions.sign_in(
        login,
        password,
        origin=origin_of(request),
        agent=request.headers.get("user-agent", ""),
        instead_of=request.cookies.get(COOKIE, ""),
    )


def keep(response: Response, done: SignedIn, *, secure: bool) -> None:
    """Hand the session to the browser, out of reach of scripts and other sites."""
    span = int((done.session.ends_at - done.session.created_at).total_seconds())
    response.set_cookie(COOKIE, done.secret, max_age=span, httponly=True, samesite="lax", secure=secure)
    response.headers["cache-control"] = "no-store"
    if done.user.language:
        response.set_cookie(LANGUAGE_COOKIE, done.user.language, max_age=span, samesite="lax", secure=secure)


def local(address: str) -> str:
    """An address on this site; anything that would lead elsewhere becomes the front page."""
    plain = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if plain and "\\" not in address else "/"
