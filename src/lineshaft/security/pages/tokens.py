"""Keys for programs."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from lineshaft.console import (
    Ask,
    Column,
    Field,
    Rows,
    View,
    button,
    code,
    confirm,
    dialog,
    form,
    heading,
    page,
    paragraph,
    row,
    section,
    table,
)
from lineshaft.kernel.clock import now
from lineshaft.security.model import NewToken, Role, Token
from lineshaft.security.service import Tokens

from .grants import Grants, in_words

LIST = "/settings/tokens"


@page(LIST, title="Tokens", section="Settings", icon="key", order=920, role=int(Role.VIEWER))
async def tokens(view: View) -> None:
    """One's own tokens, and those of people one administers."""
    heading(
        view.text("Tokens"),
        subtitle=view.text("Keys for programs: Telegraf, notebooks, the Python client. They act for their owner."),
        actions=lambda: button(view.text("Add token"), lambda: view.go(f"{LIST}/add"), kind="primary", symbol="add"),
    )

    async def load(ask: Ask) -> Rows:
        found = await view.ask(Tokens).list_(view.who, after=ask.after or "", limit=ask.limit)
        wanted = ask.filter.casefold()
        rows = [_row(view, t) for t in found if wanted in f"{t.name} {t.owner}".casefold()]
        return Rows(rows=rows, next=found[-1].id if len(found) == ask.limit else None)

    async def revoke(chosen: dict[str, Any]) -> None:
        question = view.text("Revoke the token {name}?", name=chosen["name"])
        if await confirm(
            question, view.text("Programs that use it are refused at once."), do=view.text("Revoke"), danger=True
        ):
            await view.ask(Tokens).revoke(view.who, chosen["id"])
            listing.remove(chosen["id"])

    with section(flush=True):
        listing = table(
            [
                Column("name", view.text("Name"), sortable=False),
                Column("owner", view.text("Acts for"), sortable=False),
                Column("grants", view.text("Roles"), sortable=False, phone=False),
                Column("used", view.text("Last used"), kind="ago", sortable=False),
                Column("ends", view.text("Ends"), sortable=False, phone=False),
            ],
            load=load,
            actions=[("delete", view.text("Revoke"), revoke)],
            empty=(
                view.text("No tokens yet"),
                view.text("Add one for each program, so that each can be revoked alone."),
            ),
        )


def _row(view: View, token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "owner": token.owner or view.text("the platform"),
        "grants": in_words(view, token.grants),
        "used": token.used_at,
        "ends": view.moment(token.ends_at, seconds=False) if token.ends_at else view.text("never"),
    }


@page(f"{LIST}/add", title="Add token", role=int(Role.VIEWER))
async def add(view: View) -> None:
    """A new token."""
    text = view.text
    view.title(text("Add token"), trail=[(text("Tokens"), LIST)])
    heading(text("Add token"), subtitle=text("It can do at most what you can, and less as soon as you can do less."))
    spans = {30: text("in 30 days"), 90: text("in 90 days"), 365: text("in a year"), 0: text("never")}
    with section(text("What is it for?")):
        about = form(
            [
                Field(name="name", label=text("Name"), required=True, placeholder="telegraf"),
                Field(name="days", label=text("Ends"), kind="select", options=spans, value=90),
            ]
        )
    with section(text("Roles")):
        nothing = text("Add what the program needs and nothing more.")
        grants = Grants(view, view.who.grants if view.role == Role.VIEWER else (), most=Role(view.role), hint=nothing)

    async def create() -> None:
        values = about.check()
        if values is not None:
            ends_at = now() + timedelta(days=values["days"]) if values["days"] else None
            made = await view.ask(Tokens).create(
                view.who, name=values["name"], grants=grants.entered(), ends_at=ends_at
            )
            _show(view, made)

    with row():
        button(text("Create token"), create, kind="primary")
        button(text("Cancel"), lambda: view.go(LIST), kind="quiet")


def _show(view: View, made: NewToken) -> None:
    with dialog(view.text("Token {name}", name=made.token.name), wide=True) as box:
        paragraph(view.text("Copy it now; it is shown only this once."))
        code(made.secret, title=view.text("Token"))
        code(f'curl -H "Authorization: Bearer {made.secret}" {view.site}/api/v1/session', title=view.text("Try it"))
        button(view.text("Done"), partial(_leave, view, box.close), kind="primary")


def _leave(view: View, close: Any) -> None:
    close()
    view.go(LIST)
