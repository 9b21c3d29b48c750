"""Lets people choose roles on parts of the plant, and says them in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lineshaft.console import Column, Field, View, button, form, mark, table
from lineshaft.security.model import Grant, Role
from lineshaft.security.service.users import checked_grants

ROLES = {
    Role.VIEWER: mark("Viewer"),
    Role.OPERATOR: mark("Operator"),
    Role.ENGINEER: mark("Engineer"),
    Role.ADMIN: mark("Administrator"),
}
HELP = {
    Role.VIEWER: mark("sees values, trends and structure"),
    Role.OPERATOR: mark("also writes setpoints"),
    Role.ENGINEER: mark("also changes connections, twins and data"),
    Role.ADMIN: mark("also changes users, tokens, devices and settings"),
}


def in_words(view: View, grants: Iterable[Grant]) -> str:
    """`Engineer on acme/berlin, Viewer on acme`."""
    return ", ".join(
        view.text("{role} on {place}", role=view.text(ROLES[g.role]), place=place_of(view, g.subtree)) for g in grants
    )


def place_of(view: View, subtree: str) -> str:
    """A subtree as people say it."""
    return subtree or view.text("the whole platform")


class Grants:
    """A list of grants on screen that can be added to and taken from."""

    def __init__(self, view: View, grants: Iterable[Grant] = (), *, most: Role = Role.ADMIN, hint: str = "") -> None:
        self.view = view
        self.chosen = tuple(grants)
        self._table = table(
            [Column("role", view.text("Role")), Column("place", view.text("Place")), Column("may", view.text("May"))],
            key="subtree",
            filterable=False,
            actions=[("delete", view.text("Remove"), self._remove)],
            empty=(view.text("No roles yet"), hint),
        )
        options = {int(role): view.text(name) for role, name in ROLES.items() if role <= most}
        self._form = form(
            [
                Field(name="role", label=view.text("Role"), kind="select", options=options),
                Field(
                    name="subtree",
                    label=view.text("Place"),
                    placeholder="acme/berlin/line-1",
                    help=view.text("Everything below it is included; empty means the whole platform."),
                ),
            ],
        )
        button(view.text("Add role"), self._add, symbol="add")
        self._show()

    def entered(self) -> tuple[Grant, ...]:
        """What is on the list, with a place that was typed but not added yet."""
        if self._form.values["subtree"]:
            self._add()
        return self.chosen

    def _add(self) -> None:
        values = self._form.values
        grant = Grant(role=Role(int(values["role"])), subtree=values["subtree"] or "")
        kept = [g for g in self.chosen if g.subtree != grant.subtree]
        self.chosen = checked_grants([*kept, grant])
        self._form.set(subtree="")
        self._show()

    def _remove(self, row: dict[str, Any]) -> None:
        self.chosen = tuple(g for g in self.chosen if g.subtree != row["subtree"])
        self._show()

    def _show(self) -> None:
        text = self.view.text
        self._table.set(
            [
                {
                    "subtree": g.subtree,
                    "role": text(ROLES[g.role]),
                    "place": place_of(self.view, g.subtree),
                    "may": text(HELP[g.role]),
                }
                for g in self.chosen
            ]
        )
