"""Who may sign in: the list, and the way to a new account."""

from __future__ import annotations

from typing import Any

from lineshaft.console import (
    LANGUAGES,
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
from lineshaft.security.model import Role, User
from lineshaft.security.service import Users, suggested

from .grants import Grants, in_words

LIST = "/settings/users"


@page(LIST, title="Users", section="Settings", icon="group", order=910, role=int(Role.ADMIN))
async def users(view: View) -> None:
    """Every account the viewer administers."""
    heading(
        view.text("Users"),
        subtitle=view.text("Who may sign in, and what they may do where."),
        actions=lambda: button(
            view.text("Add user"), lambda: view.go(f"{LIST}/add"), kind="primary", symbol="person_add"
        ),
    )

    async def load(ask: Ask) -> Rows:
        found = await view.ask(Users).list_(view.who, after=ask.after or "", limit=ask.limit)
        wanted = ask.filter.casefold()
        rows = [_row(view, u) for u in found if wanted in f"{u.login} {u.name}".casefold()]
        return Rows(rows=rows, next=found[-1].login if len(found) == ask.limit else None)

    with section(flush=True):
        table(
            [
                Column("login", view.text("User name"), sortable=False),
                Column("name", view.text("Name"), sortable=False, phone=False),
                Column("grants", view.text("Roles"), sortable=False),
                Column("state", view.text("State"), kind="status", sortable=False),
                Column("signed_in", view.text("Last sign-in"), kind="ago", sortable=False, phone=False),
            ],
            load=load,
            href=lambda r: f"{LIST}/{r['id']}",
            empty=(view.text("No users yet"), view.text("Add the people who work with this plant.")),
        )


def _row(view: View, user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "login": user.login,
        "name": user.name,
        "grants": in_words(view, user.grants) or view.text("no roles"),
        "state": "disabled" if user.disabled else "active",
        "signed_in": user.signed_in_at,
    }


def person_fields(view: View) -> list[Field]:
    """What is asked about a person, new or known."""
    languages = {"": view.text("as the browser says"), **LANGUAGES}
    return [
        Field(name="name", label=view.text("Name"), placeholder="Ada Lovelace"),
        Field(name="language", label=view.text("Language"), kind="select", options=languages),
    ]


@page(f"{LIST}/add", title="Add user", role=int(Role.ADMIN))
async def add(view: View) -> None:
    """A new account."""
    text = view.text
    view.title(text("Add user"), trail=[(text("Users"), LIST)])
    heading(text("Add user"))
    with section(text("Person")):
        login = Field(
            name="login",
            label=text("User name"),
            required=True,
            placeholder="ada",
            help=text("For signing in: letters, digits and . _ - @."),
        )
        password = Field(
            name="password",
            label=text("Password"),
            kind="secret",
            help=text("At least 12 characters. Left empty, one is made and shown once."),
        )
        person = form([login, *person_fields(view), password])
    with section(text("Roles")):
        nothing = text("Without a role somebody can sign in but sees nothing.")
        grants = Grants(view, hint=nothing)

    async def create() -> None:
        values = person.check()
        if values is None:
            return
        chosen = grants.entered()
        if not chosen and not await _meant_without(view, nothing):
            return
        values["name"] = values["name"] or ""
        given = values.pop("password", "")
        made = await view.ask(Users).create(view.who, password=given or (fresh := suggested()), grants=chosen, **values)
        if given:
            view.go(f"{LIST}/{made.id}")
        else:
            show_password(view, made.login, fresh)

    with row():
        button(text("Create user"), create, kind="primary")
        button(text("Cancel"), lambda: view.go(LIST), kind="quiet")


async def _meant_without(view: View, consequence: str) -> bool:
    """Whether an account that may see nothing is really wanted; a role is easily left unadded."""
    return await confirm(view.text("Create the account without a role?"), consequence, do=view.text("Create user"))


def show_password(view: View, login: str, password: str) -> None:
    """A password that was made, once."""
    with dialog(view.text("Password of {login}", login=login)) as box:
        paragraph(view.text("Hand it over now; it is shown only this once."))
        code(password, title=view.text("Password"))

        def done() -> None:
            box.close()
            view.go(LIST)

        button(view.text("Done"), done, kind="primary")
