"""One account: who it is, what it may do, where it is signed in."""

from __future__ import annotations

from functools import partial
from typing import Any

from lineshaft.console import (
    Column,
    Field,
    View,
    button,
    confirm,
    dialog,
    facts,
    form,
    heading,
    page,
    section,
    table,
    toast,
    undo,
)
from lineshaft.security.model import Role, Session, User
from lineshaft.security.service import Sessions, Users, suggested

from .grants import Grants, place_of
from .users import LIST, person_fields, show_password

BROWSERS = {"Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS": "macOS",
    "Linux": "Linux",
}
"""Signs in the names browsers give themselves, the more telling ones first."""


@page(f"{LIST}/{{user_id}}", title="User", role=int(Role.ADMIN))
async def user(view: View, user_id: str) -> None:
    """One account, to look at and change."""
    users = view.ask(Users)
    known = await users.get(view.who, user_id)
    view.title(known.login, trail=[(view.text("Users"), LIST)])
    heading(
        known.name,
        subtitle=known.login,
        status="disabled" if known.disabled else "active",
        actions=partial(_actions, view, known),
    )
    with section(view.text("Account")):
        facts(
            [
                (view.text("Looked after by administrators of"), place_of(view, known.home)),
                (view.text("Made"), view.moment(known.created_at)),
                (view.text("Last sign-in"), view.moment(known.signed_in_at)),
            ]
        )
        form(
            person_fields(view),
            values={"name": known.name, "language": known.language},
            on_submit=partial(_save, view, known),
        )

    async def save_roles() -> None:
        await users.change(view.who, known.id, grants=grants.entered())
        undo(view.text("The roles of {login} are changed.", login=known.login), partial(_give_back, view, known))

    with section(view.text("Roles"), actions=lambda: button(view.text("Save roles"), save_roles, symbol="save")):
        grants = Grants(view, known.grants, hint=view.text("Without a role somebody can sign in but sees nothing."))
    await sessions_of(view, known.id)


def _actions(view: View, known: User) -> None:
    button(view.text("New password"), partial(_new_password, view, known), symbol="password")
    if known.disabled:
        button(view.text("Enable"), partial(_enable, view, known), symbol="lock_open")
    else:
        button(view.text("Disable"), partial(_disable, view, known), symbol="block", kind="danger")


async def _save(view: View, known: User, values: dict[str, Any]) -> None:
    await view.ask(Users).change(view.who, known.id, name=values["name"] or "", language=values["language"])
    toast(view.text("Saved."), kind="good")


async def _give_back(view: View, known: User) -> None:
    await view.ask(Users).change(view.who, known.id, grants=known.grants)
    view.reload()


async def _disable(view: View, known: User) -> None:
    await view.ask(Users).disable(view.who, known.id)
    view.reload()
    undo(view.text("{login} can no longer sign in.", login=known.login), partial(_enable, view, known))


async def _enable(view: View, known: User) -> None:
    await view.ask(Users).enable(view.who, known.id)
    view.reload()


def _new_password(view: View, known: User) -> None:
    field = Field(
        name="password",
        label=view.text("Password"),
        kind="secret",
        help=view.text("At least 12 characters. Left empty, one is made and shown once."),
    )
    with dialog(view.text("New password for {login}", login=known.login)) as box:

        async def give(values: dict[str, Any]) -> None:
            given = values.get("password", "")
            fresh = given or suggested()
            await view.ask(Users).set_password(view.who, known.id, fresh)
            box.close()
            if given:
                toast(view.text("The password is changed; {login} is signed out everywhere.", login=known.login))
            else:
                show_password(view, known.login, fresh)

        form([field], on_submit=give, submit=view.text("Set password"), on_cancel=box.close)


async def sessions_of(view: View, user_id: str) -> None:
    """Where somebody is signed in, with a way to end each."""
    sessions = view.ask(Sessions)

    async def end(row_: dict[str, Any]) -> None:
        await sessions.end(view.who, row_["id"])
        listing.remove(row_["id"])

    async def end_all() -> None:
        if await confirm(view.text("End all sessions but this one?"), do=view.text("End sessions"), danger=True):
            await sessions.end_all(view.who, user_id)
            listing.set([_session_row(view, s) for s in await sessions.list_(view.who, user_id)])

    everything = partial(button, view.text("End all"), end_all, kind="quiet")
    with section(view.text("Signed in at"), flush=True, actions=everything):
        listing = table(
            [
                Column("agent", view.text("Browser")),
                Column("origin", view.text("Address"), kind="code", phone=False),
                Column("seen", view.text("Last used"), kind="ago"),
                Column("ends", view.text("Ends"), kind="time", phone=False),
            ],
            rows=[_session_row(view, s) for s in await sessions.list_(view.who, user_id)],
            filterable=False,
            actions=[("logout", view.text("End session"), end)],
            empty=(view.text("Not signed in anywhere"), ""),
        )


def _session_row(view: View, session: Session) -> dict[str, Any]:
    this = view.who.credential == f"session:{session.id}"
    agent = browser_of(session.agent)
    return {
        "id": session.id,
        "agent": view.text("{browser} (this one)", browser=agent) if this else agent,
        "origin": session.origin,
        "seen": session.seen_at,
        "ends": session.ends_at,
    }


def browser_of(agent: str) -> str:
    """A browser's name for itself in two words: `Firefox, Windows`."""
    browser = (
        next((name for sign, name in BROWSERS.items() if sign in agent), "") or agent.partition("/")[0][:40] or "–"
    )
    system = next((name for sign, name in SYSTEMS.items() if sign in agent), "")
    return f"{browser}, {system}" if system else browser
