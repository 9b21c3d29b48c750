"""Operations: what machines can be asked to do; a dry run first, then a confirmation, then how it went."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from lineshaft.console import (
    Column,
    Dialog,
    Field,
    View,
    button,
    confirm,
    dialog,
    form,
    notice,
    paragraph,
    row,
    section,
    table,
    unit_text,
)
from lineshaft.kernel.errors import Invalid
from lineshaft.security import Role
from lineshaft.twins.metamodel.kinds import OPERATION, Json, kind_of
from lineshaft.twins.metamodel.paths import walk
from lineshaft.twins.model.operations import Invocation, Outcome, Planned, Rehearsal
from lineshaft.twins.model.steps import INTERLOCK, UNIT, WHOLE, extension, inputs_of, plain_of, steps_of
from lineshaft.twins.pages.naming import called
from lineshaft.twins.pages.twin.opened import Opened
from lineshaft.twins.pages.twin.tab import tab
from lineshaft.twins.pages.words import said
from lineshaft.twins.service import Operations

_NUMBERS = ("xs:double", "xs:float", "xs:decimal")


def _operations(twin: Opened) -> Iterator[tuple[str, str, Json]]:
    """Submodel, path and element of every operation that a machine carries out."""
    for carried in twin.submodels:
        for path, element in walk(carried.content):
            if kind_of(element) == OPERATION and _acts(element):
                yield carried.id, path, element


def _acts(operation: Json) -> bool:
    try:
        return bool(steps_of(operation))
    except Invalid:  # a file brought it, and it says so when it is invoked
        return False


@tab("operations", title="Operations", order=25, fits=lambda twin: any(_operations(twin)))
async def operations(twin: Opened) -> None:
    """What can be invoked, and what must hold for it."""
    view = twin.view
    found = {f"{submodel}#{path}": (submodel, path, element) for submodel, path, element in _operations(twin)}

    async def run(chosen: dict[str, Any]) -> None:
        _open(twin, *found[chosen["id"]])

    with section(
        view.text("Operations"),
        subtitle=view.text("Everything is checked before the first write, and every attempt is in the audit log."),
        flush=True,
    ):
        table(
            [
                Column("name", view.text("Name")),
                Column("steps", view.text("Steps"), kind="number"),
                Column("interlock", view.text("Only while"), kind="code", phone=False),
            ],
            [
                {
                    "id": key,
                    "name": called(element, view.language),
                    "steps": len(steps_of(element)),
                    "interlock": extension(element, INTERLOCK),
                }
                for key, (_, _, element) in found.items()
            ],
            actions=[("play_arrow", view.text("Run …"), run)] if twin.may(Role.OPERATOR) else [],
            filterable=False,
            label=view.text("Operations"),
        )


def _open(twin: Opened, submodel: str, path: str, element: Json) -> None:
    """Ask for the inputs, then show what would be done."""
    view = twin.view
    with dialog(called(element, view.language), wide=True) as box:

        async def rehearse(entered: dict[str, Any]) -> None:
            service = view.ask(Operations)
            inputs = {name: value for name, value in entered.items() if value is not None}
            asked = await service.prepare(view.who, submodel, path, inputs=inputs)
            found = await service.rehearse(view.who, asked)
            box.close()
            _show(twin, element, asked, found)

        form(
            [_field(view, one) for one in inputs_of(element)],
            on_submit=rehearse,
            submit=view.text("Dry run"),
            on_cancel=box.close,
        )


def _field(view: View, variable: Json) -> Field:
    type_ = str(variable.get("valueType", "xs:string"))
    kind = "switch" if type_ == "xs:boolean" else "number" if type_ in _NUMBERS else "text"
    return Field(
        name=str(variable.get("idShort", "")),
        label=called(variable, view.language),
        kind="integer" if type_ in WHOLE else kind,
        unit=unit_text(extension(variable, UNIT)),
        value=plain_of(type_, str(variable["value"])) if variable.get("value") is not None else None,
        required=variable.get("value") is None and kind != "switch",
    )


def _show(twin: Opened, element: Json, asked: Invocation, found: Rehearsal) -> None:
    """What would be done, condition by condition and step by step, and the way on when nothing speaks against it."""
    view, within = twin.view, f"{twin.document.place}/"
    with dialog(view.text("What {name} would do", name=called(element, view.language)), wide=True) as box:
        for problem in found.problems:
            notice("bad", view.said(problem).replace(within, ""))
        for text, holds in found.conditions:
            paragraph(f"{'✓' if holds else '✗'} {text.replace(within, '')}", muted=True)
        table(
            [
                Column("path", view.text("Place"), kind="code", sortable=False),
                Column("value", view.text("Would be"), sortable=False),
                Column("now", view.text("Is now"), sortable=False),
            ],
            [{"id": str(n), **_planned(view, one, within)} for n, one in enumerate(found.steps)],
            filterable=False,
            label=view.text("Steps"),
        )
        if found.problems:
            with row():
                button(view.text("Close"), box.close)
            return
        go = partial(_run, view, element, asked, box)
        form([], on_submit=go, submit=view.text("Run on the machine …"), on_cancel=box.close)


def _planned(view: View, step: Planned, within: str) -> dict[str, Any]:
    """One step, its place as seen from the twin."""
    shown, place = ", ".join(said(view, one, step.unit) for one in step.values), str(step.path).removeprefix(within)
    return {
        "path": f"{place}(…)" if step.calls else place,
        "value": view.said(step.problem) or shown,
        "now": "" if step.calls else said(view, step.now, step.unit),
    }


async def _run(view: View, element: Json, asked: Invocation, box: Dialog, _: dict[str, Any]) -> None:
    question = view.text("Run {name} on the machine?", name=called(element, view.language))
    if not await confirm(question, view.text("The machine follows at once."), do=view.text("Run")):
        return
    box.close()
    outcome = await view.ask(Operations).invoke(view.who, asked)
    _tell(view, element, outcome)


def _tell(view: View, element: Json, outcome: Outcome) -> None:
    name = called(element, view.language)
    if outcome.success:
        shown = ", ".join(f"{called(one, view.language)} {one.get('value')}" for one in outcome.outputs)
        view.toast(view.text("{name} is done.", name=name), hint=shown, kind="good")
    else:
        told = " ".join(view.said(one) for one in outcome.messages)
        view.toast(view.text("{name} did not end well.", name=name), hint=told, kind="warn")
