"""One's own account."""

from __future__ import annotations

from functools import partial
from typing import Any

from lineshaft.console import LANGUAGES, Field, View, choice, facts, form, heading, page, row, section, toast
from lineshaft.kernel.errors import Invalid
from lineshaft.security.service import Users

from .grants import in_words
from .user import sessions_of


@page("/account", title="My account", section="", icon="person", order=1)
async def account(view: View) -> None:
    """Name, roles, language, password and sessions of the viewer."""
    me = await view.ask(Users).get(view.who, view.who.id)
    heading(me.name, subtitle=me.login)
    with section(view.text("Account")):
        facts(
            [
                (view.text("Roles"), in_words(view, me.grants) or view.text("no roles")),
                (view.text("Last sign-in"), view.moment(me.signed_in_at)),
            ]
        )
        form([Field(name="name", label=view.text("Name"))], values={"name": me.name}, on_submit=partial(_rename, view))
    with section(view.text("Language")), row():
        choice(LANGUAGES, me.language or view.language, partial(_speak, view), label=view.text("Language"))
    with section(view.text("Password")):
        form(
            [
                Field(name="old", label=view.text("Present password"), kind="secret", required=True),
                Field(
                    name="new",
                    label=view.text("New password"),
                    kind="secret",
                    required=True,
                    help=view.text("At least 12 characters; four unrelated words make a good one."),
                ),
                Field(name="again", label=view.text("New password again"), kind="secret", required=True),
            ],
            on_submit=partial(_change_password, view),
            submit=view.text("Change password"),
        )
    await sessions_of(view, me.id)


async def _rename(view: View, values: dict[str, Any]) -> None:
    await view.ask(Users).change(view.who, view.who.id, name=values["name"] or "")
    toast(view.text("Saved."), kind="good")


async def _speak(view: View, language: str) -> None:
    await view.ask(Users).change(view.who, view.who.id, language=language)
    view.speak(language)


async def _change_password(view: View, values: dict[str, Any]) -> None:
    if values["new"] != values["again"]:
        raise Invalid(view.text("The two new passwords differ."), field="again")
    await view.ask(Users).change_password(view.who, values["old"], values["new"])
    toast(view.text("The password is changed; your other sessions have ended."), kind="good")
