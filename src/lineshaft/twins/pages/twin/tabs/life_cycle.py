"""Life cycle: where in its life the twin is, what happened since it was engineered, and entries people add."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any

from lineshaft.console import (
    ABSENT,
    Ask,
    Column,
    Dialog,
    Field,
    Instant,
    Lane,
    Rows,
    Stretch,
    View,
    button,
    dialog,
    empty,
    facts,
    form,
    mark,
    moment,
    quantity,
    row,
    section,
    table,
    timeline,
)
from lineshaft.kernel.clock import from_us, now_us, to_us
from lineshaft.kernel.errors import Invalid
from lineshaft.security import Role
from lineshaft.twins.model.record import BY_PEOPLE, Account, Entry, Happening, Phase
from lineshaft.twins.pages.twin.opened import Opened
from lineshaft.twins.pages.twin.tab import tab
from lineshaft.twins.service import Repository

DRAWN = 2_000
"""Entries of one picture."""
HAPPENINGS = {
    Happening.CREATED: mark("Created"),
    Happening.MOVED: mark("Moved"),
    Happening.TYPE_CHANGED: mark("Type changed"),
    Happening.BOUND: mark("Connection changed"),
    Happening.CHANGED: mark("Changed"),
    Happening.SETPOINT: mark("Setpoint written"),
    Happening.MODEL: mark("Model changed"),
    Happening.DOCUMENT: mark("Document changed"),
    Happening.IMPORTED: mark("File imported"),
    Happening.RETIRED: mark("Retired"),
    Happening.RETURNED: mark("Returned"),
    Happening.COMMISSIONED: mark("Commissioned"),
    Happening.HANDED_OVER: mark("Handed over"),
    Happening.LEASED: mark("Leased"),
    Happening.MAINTAINED: mark("Maintained"),
    Happening.NOTED: mark("Noted"),
    Happening.DECOMMISSIONED: mark("Decommissioned"),
    Happening.SCRAPPED: mark("Scrapped"),
    Happening.REINSTATED: mark("Reinstated"),
}
PHASES = {
    Phase.ENGINEERING: mark("In engineering"),
    Phase.OPERATION: mark("In operation"),
    Phase.DECOMMISSIONED: mark("Decommissioned"),
    Phase.SCRAPPED: mark("Scrapped"),
}
_LOOKS = {Phase.ENGINEERING: "unknown", Phase.OPERATION: "running", Phase.DECOMMISSIONED: "stopped"}
_TURNS = {
    Happening.COMMISSIONED: Phase.OPERATION,
    Happening.DECOMMISSIONED: Phase.DECOMMISSIONED,
    Happening.SCRAPPED: Phase.SCRAPPED,
    Happening.REINSTATED: Phase.DECOMMISSIONED,
}


@tab("life", title="Life cycle", order=80)
async def life_cycle(twin: Opened) -> None:
    """The picture of a life, and below it every entry."""
    view, repository = twin.view, twin.view.ask(Repository)
    account = await repository.records.of(view.who, twin.document.id, limit=DRAWN)
    with section(view.text("Life cycle"), actions=lambda: _draw_actions(twin, account)):
        facts(_summary(view, account))
        if account.entries:
            _draw_picture(view, account.entries[::-1])
        else:
            empty(view.text("Nothing is told yet"), view.text("What happens to this twin is written down here."))
    with section(view.text("Entries"), flush=True):
        table(
            [
                Column("at", view.text("When"), kind="time", sortable=False),
                Column("what", view.text("What"), sortable=False),
                Column("text", view.text("Details"), sortable=False),
                Column("by", view.text("Who"), sortable=False, phone=False),
            ],
            load=lambda ask: _entries(twin, ask),
            filterable=False,
            empty=(view.text("Nothing is told yet"), ""),
            label=view.text("Entries"),
        )


def _summary(view: View, account: Account) -> list[tuple[str, Any]]:
    hours = account.operating_hours
    return [
        (view.text("Phase"), view.text(PHASES[account.life.phase])),
        (view.text("Owner"), account.life.owner or ABSENT),
        (view.text("Place"), account.life.place or ABSENT),
        (view.text("Operating hours"), ABSENT if hours is None else quantity(hours, "h", 1)),
    ]


async def _entries(twin: Opened, ask: Ask) -> Rows:
    view, before = twin.view, int(ask.after) if ask.after else None
    records = view.ask(Repository).records
    found = await records.of(view.who, twin.document.id, before=before, limit=ask.limit)
    rows = [_row(view, entry) for entry in found.entries]
    return Rows(rows=rows, next=None if found.after is None else str(found.after))


def _row(view: View, entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.fact,
        "at": from_us(entry.at_us),
        "what": view.text(HAPPENINGS[entry.kind]),
        "text": _details(view, entry),
        "by": entry.by,
    }


def _details(view: View, entry: Entry) -> str:
    changed = f"{entry.was} → {entry.now}" if entry.was and entry.now else ""
    until = "" if entry.until_us is None else _date(view, entry.until_us)
    ends = view.text("until {day}", day=until) if until else ""
    return " · ".join(part for part in (entry.text, entry.party, changed, ends) if part)


def _date(view: View, us: int) -> str:
    return moment(from_us(us), view.timezone, seconds=False)


# ---- the picture ----


def _draw_picture(view: View, entries: Sequence[Entry]) -> None:
    """Phases, owners, places and leases as they lasted; maintenance and changes as they came."""
    order = sorted(entries, key=lambda entry: entry.at_us)
    leases = [entry for entry in order if entry.kind is Happening.LEASED]
    ends = [entry.until_us for entry in leases if entry.until_us is not None]
    care = (Happening.MAINTAINED, Happening.NOTED)
    shown = [
        Lane(name=view.text("Phase"), stretches=_phases(view, order)),
        Lane(name=view.text("Owner"), stretches=_lasting(order, _owner)),
        Lane(name=view.text("Place"), stretches=_lasting(order, _place)),
        Lane(name=view.text("Leases"), stretches=[_lease(entry) for entry in leases]),
        Lane(name=view.text("Maintenance"), moments=_instants(view, [e for e in order if e.kind in care], "running")),
        Lane(name=view.text("Changes"), moments=_instants(view, [e for e in order if e.kind not in BY_PEOPLE], "")),
    ]
    timeline(
        [lane for lane in shown if lane.stretches or lane.moments],
        start=from_us(order[0].at_us),
        end=from_us(max([now_us(), *ends])),
        label=view.text("Life cycle"),
    )


def _phases(view: View, order: Sequence[Entry]) -> list[Stretch]:
    """The first phase lasts from the first entry on."""
    turns = [(order[0].at_us, Phase.ENGINEERING)]
    turns += [(entry.at_us, _TURNS[entry.kind]) for entry in order if entry.kind in _TURNS]
    ends = [from_us(at) for at, _ in turns[1:]] + [from_us(now_us())]
    return [
        Stretch(start=from_us(at), end=end, label=view.text(PHASES[phase]), state=_LOOKS.get(phase, "stopped"))
        for (at, phase), end in zip(turns, ends, strict=True)
        if from_us(at) < end
    ]


def _lasting(order: Sequence[Entry], said: Callable[[Entry], str]) -> list[Stretch]:
    """What entries say holds until the next one says otherwise."""
    turns = [(from_us(entry.at_us), text) for entry in order if (text := said(entry))]
    ends = (at for at, _ in turns[1:])
    return [Stretch(start=at, end=end, label=text) for (at, text), end in zip_longest(turns, ends)]


def _owner(entry: Entry) -> str:
    return entry.party if entry.kind is Happening.HANDED_OVER else ""


def _place(entry: Entry) -> str:
    return entry.now if entry.kind in (Happening.CREATED, Happening.MOVED, Happening.RETURNED) else ""


def _lease(entry: Entry) -> Stretch:
    end = None if entry.until_us is None else from_us(entry.until_us)
    return Stretch(start=from_us(entry.at_us), end=end, label=entry.party)


def _instants(view: View, entries: Sequence[Entry], state: str) -> list[Instant]:
    return [Instant(at=from_us(entry.at_us), label=_label(view, entry), state=state or "unknown") for entry in entries]


def _label(view: View, entry: Entry) -> str:
    details = _details(view, entry)
    what = view.text(HAPPENINGS[entry.kind])
    return f"{what}: {details}" if details else what


# ---- adding ----


def _draw_actions(twin: Opened, account: Account) -> None:
    kinds = [kind for kind in BY_PEOPLE if _may(twin, kind, account.life.phase)]
    if kinds:
        with row():
            button(twin.view.text("Add an entry"), lambda: _open(twin, kinds), symbol="post_add", kind="primary")


def _may(twin: Opened, kind: Happening, phase: Phase) -> bool:
    """Whether the viewer may add that now."""
    if (phase is Phase.SCRAPPED) != (kind is Happening.REINSTATED):
        return False
    needs = {Happening.MAINTAINED: Role.OPERATOR, Happening.NOTED: Role.OPERATOR, Happening.REINSTATED: Role.ADMIN}
    return twin.may(needs.get(kind, Role.ENGINEER))


def _open(twin: Opened, kinds: Sequence[Happening]) -> None:
    view = twin.view
    help_ = view.text("A day such as 2026-03-04, or a moment such as 2026-03-04 14:05; empty is now.")
    with dialog(view.text("Add an entry")) as box:
        form(
            [
                Field(
                    name="kind",
                    label=view.text("What"),
                    kind="select",
                    options={kind.value: view.text(HAPPENINGS[kind]) for kind in kinds},
                    value=kinds[0].value,
                    required=True,
                ),
                Field(name="text", label=view.text("Details"), kind="long"),
                Field(name="party", label=view.text("To whom, or by whom")),
                Field(name="at", label=view.text("When"), help=help_, placeholder="2026-03-04"),
                Field(name="until", label=view.text("Until"), help=view.text("The end of a lease.")),
            ],
            on_submit=lambda values: _add(twin, values, box),
            submit=view.text("Add to the record"),
            on_cancel=box.close,
        )


async def _add(twin: Opened, values: dict[str, Any], box: Dialog) -> None:
    view = twin.view
    at, until = (_moment(view, values.get(name) or "", name) for name in ("at", "until"))
    entry = Entry(
        fact="",
        kind=Happening(values["kind"]),
        at_us=now_us() if at is None else at,
        by="",
        text=values.get("text") or "",
        party=values.get("party") or "",
        until_us=until,
    )
    await view.ask(Repository).records.add(view.who, twin.document.id, entry)
    box.close()
    view.reload()


def _moment(view: View, said: str, name: str) -> int | None:
    """A day or a moment in the viewer's zone; None for nothing."""
    if not said.strip():
        return None
    try:
        told = datetime.fromisoformat(said.strip())
    except ValueError as error:
        raise Invalid(view.text("This is no date."), hint="2026-03-04, 2026-03-04 14:05", field=name) from error
    return to_us((told if told.tzinfo else told.replace(tzinfo=view.timezone)).astimezone(UTC))
