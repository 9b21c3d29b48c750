"""The way to a new connection: choose, test, pick tags from the machine, see them live, save.

Nothing is stored before the last step; every step talks to the real machine.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lineshaft.console import (
    Column,
    Field,
    Form,
    Step,
    Table,
    View,
    button,
    choice,
    code,
    fields_of,
    form,
    heading,
    mark,
    notice,
    page,
    paragraph,
    progress,
    row,
    section,
    stack,
    table,
    wizard,
)
from lineshaft.edge.model import Seen
from lineshaft.edge.service import Edge
from lineshaft.edge.settings import as_toml
from lineshaft.kernel.clock import from_us
from lineshaft.kernel.errors import Invalid, PlatformError
from lineshaft.kernel.terms import Grade, Quality
from lineshaft.security import Role

from .picking import Picking
from .tags import Tag, shown

MARKED = {
    Grade.UNCERTAIN: mark("The machine itself doubts this value."),
    Grade.BAD: mark("The machine itself says that this value is bad."),
}
"""What is wrong with a value when nobody says more."""
FIRST = ("url", "broker", "subscriptions", "host", "port", "unit", "security", "user", "password")
"""Settings that are asked for at once, in this order; the others are folded away."""
SUGGESTED: dict[str, Any] = {"subscriptions": ["#"]}
"""What a setting begins with here, because without it there is nothing to look at."""


@page("/connections/add", title="Add connection", section=None, role=int(Role.ENGINEER))
async def add(view: View) -> None:
    """A new connection, step by step."""
    view.title(view.text("Add connection"), trail=[(view.text("Connections"), "/connections")])
    heading(view.text("Add connection"), subtitle=view.text("Nothing is saved before you have seen live values."))
    draft = _Draft(view)
    wizard(
        [
            Step(view.text("Protocol"), draft.draw_protocol, check=draft.has_protocol),
            Step(view.text("Machine"), draft.draw_machine, check=draft.machine_answers, again=True),
            Step(view.text("Values"), draft.draw_values, check=draft.values_are_right, again=True),
            Step(view.text("Live preview"), draft.draw_preview, again=True),
        ],
        on_finish=draft.save,
        finish=view.text("Save connection"),
    )


class _Draft:
    """What has been entered so far."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.edge = view.ask(Edge)
        self.connector = ""
        self.own: dict[str, Any] = {}
        self._secrets: set[str] = set()
        self._defaults: dict[str, Any] = {}
        self._form: Form | None = None
        self._preview: Table | None = None
        self._start_picking()

    def _start_picking(self) -> None:
        self.picking = Picking(self.view, self._browse, self._check_tags)

    @property
    def raw(self) -> dict[str, Any]:
        """The connection as it would be saved; whoever picks values wants these and not all others as well."""
        tags = list(self.picking.tags.values())
        if not tags:
            return dict(self.own)
        own = {name: value for name, value in self.own.items() if SUGGESTED.get(name) != value}
        return {**own, **({"discover": False} if self.discovers else {}), "tags": tags}

    @property
    def discovers(self) -> bool:
        """Whether the connection brings everything it hears of, unless values are picked."""
        return "discover" in self._defaults and bool(self.own.get("discover", True))

    # ---- protocol ----

    def draw_protocol(self) -> None:
        options = {c.name: c.title for c in self.edge.shelf(self.view.who)}
        self.connector = self.connector or next(iter(options), "")
        with section(self.view.text("What does the machine speak?")):
            choice(options, self.connector, self._choose, label=self.view.text("Protocol"))
            self._about = stack(tight=True)
        self._tell_about()

    def _choose(self, name: str) -> None:
        if name != self.connector:
            self.connector, self.own = name, {}
            self._start_picking()
        self._tell_about()

    def _tell_about(self) -> None:
        self._about.clear()
        info = next((c for c in self.edge.shelf(self.view.who) if c.name == self.connector), None)
        if info is None:
            return
        with self._about:
            paragraph(self.view.said(info.summary))
            paragraph(self.view.text("Maturity: {tier}", tier=self.view.text(info.tier)), muted=True)

    def has_protocol(self) -> bool:
        return bool(self.connector)

    # ---- machine ----

    def draw_machine(self) -> None:
        text = self.view.text
        model = self.edge.settings_of(self.connector)
        names = [
            Field(
                name="name",
                label=text("Name of the connection"),
                required=True,
                placeholder="filler-plc",
                help=text("Letters, digits, - and _."),
            ),
            Field(
                name="path",
                label=text("Place in the plant"),
                required=True,
                placeholder="berlin/line-1/filler",
                help=text("From the site down to the machine; its values are found below it."),
            ),
        ]
        own = sorted(fields_of(model), key=_rank)
        self._secrets = {f.name for f in own if f.kind == "secret"}
        self._defaults = {f.name: f.value for f in own}
        suggested = {name: value for name, value in SUGGESTED.items() if name in self._defaults}
        fields = [*names, *(replace(f, advanced=not f.required and f.name not in FIRST) for f in own)]
        with section(text("Where is it?")):
            self._form = form(fields, values={**suggested, **self.own}, model=model)
            with row():
                button(text("Test connection"), self._try, symbol="bolt")
            self._answer = stack()

    async def _try(self) -> bool:
        """Open the machine now and say what it answers."""
        if not self._entered():
            return False
        self._tell(lambda: progress(None, self.view.text("Asking the machine …")))
        try:
            nodes = await self._browse("")
        except PlatformError as error:
            told = error
            self._tell(lambda: notice("bad", self.view.said(told.message), hint=self.view.said(told.hint)))
            return False
        self._tell(lambda: notice("good", self.view.text("It answers: {n} things at the top.", n=len(nodes))))
        return True

    def _tell(self, draw: Any) -> None:
        self._answer.clear()
        with self._answer:
            draw()

    def _entered(self) -> bool:
        """Take over what was entered, when it is right; what is wrong is written below its field."""
        assert self._form is not None
        self._answer.clear()
        values = self._form.check()
        if values is None:
            return False
        kept = {name: self.own[name] for name in self._secrets & self.own.keys()}
        own = {**kept, **{name: v for name, v in values.items() if self._says_something(name, v)}}
        try:
            self.edge.built(self.connector, own)
        except Invalid as error:
            self._form.refuse(error)
            return False
        self.own = own
        return True

    def _says_something(self, name: str, value: Any) -> bool:
        default = self._defaults.get(name)
        same = list(default) == value if isinstance(default, tuple) else default == value
        return value not in (None, "", [], {}) and not same

    async def machine_answers(self) -> bool:
        return await self._try()

    async def _browse(self, address: str) -> Any:
        return await self.edge.browse(self.view.who, address, connector=self.connector, raw=self.own)

    # ---- values ----

    def draw_values(self) -> None:
        text = self.view.text
        told = text("Tick values to take only these; tick nothing to take everything that comes.")
        self.picking.draw(told if self.discovers else text("Open the machine's tree and tick values."))

    def _check_tags(self, tags: list[dict[str, Any]]) -> None:
        self.edge.built(self.connector, {**self.own, "tags": tags})

    def values_are_right(self) -> bool:
        if not self.picking.tags and not self.discovers:
            raise Invalid(mark("Nothing is chosen yet."), hint=mark("Tick a value in the tree, or write an address."))
        self.edge.built(self.connector, self.raw)
        return True

    # ---- preview ----

    def draw_preview(self) -> None:
        text = self.view.text
        with section(text("Live values, read from the machine just now"), flush=True):
            self._preview = table(
                [
                    Column("path", text("Place")),
                    Column("value", text("Value"), sortable=False),
                    Column("quality", text("Quality"), kind="status"),
                    Column("at", text("Time"), kind="time", phone=False),
                    Column("message", text("What is wrong"), sortable=False),
                ],
                key="path",
                empty=(text("Reading …"), text("The first values appear within seconds.")),
                label=text("Live preview"),
            )
        self._outcome = stack()
        with section(text("This is what is saved"), subtitle=text("The same lines work in plant.toml.")):
            built = self.edge.built(self.connector, self.raw)
            code(as_toml([built.connection]), title="plant.toml")
        self.view.soon(self._read)

    async def _read(self) -> None:
        view = self.view
        try:
            seen = await self.edge.test(view.who, self.connector, self.raw)
        except PlatformError as error:
            with self._outcome:
                notice("bad", view.said(error.message), hint=view.said(error.hint))
            return
        assert self._preview is not None
        self._preview.set([self._seen_row(s) for s in seen])
        if not seen:
            told = view.text("Save anyway: values appear when the machine sends them.")
            self._preview.explain(view.text("No values came"), told)

    def _seen_row(self, seen: Seen) -> dict[str, Any]:
        chosen = self.picking.tags.values()
        tag: Tag = next((t for t in chosen if seen.path.endswith("/" + str(t["path"]).lstrip("/"))), {})
        grade = Quality.of(seen.quality).grade
        return {
            "path": seen.path,
            "value": shown(self.view, seen.value, tag) or "–",
            "quality": grade.value,
            "at": from_us(seen.ts_us),
            "message": self.view.said(seen.message) or self.view.text(MARKED.get(grade, "")),
        }

    async def save(self) -> None:
        saved = await self.edge.save(self.view.who, self.connector, self.raw, expected=0)
        self.view.toast(self.view.text("Saved {name}", name=saved.name), kind="good")
        self.view.go(f"/connections/{saved.name}")


def _rank(field: Field) -> int:
    """What must be there first, then what is asked for at once, then the rest as the connector lists it."""
    return -1 if field.required else FIRST.index(field.name) if field.name in FIRST else len(FIRST)
