"""What to ask of a model: a span of what was, and how each input differs from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from lineshaft.console import (
    Field,
    Form,
    Tell,
    View,
    choice,
    columns,
    form,
    job,
    paragraph,
    section,
    stack,
    time_range,
    unit_text,
)
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import TimeRange
from lineshaft.twins.model.simulation import Altered, Model
from lineshaft.twins.service import Outcome, Scenarios, Standing
from lineshaft.twins.simulation import Sort, Variable

from .spoken import model_title, variable_title

FIRST_SPAN = timedelta(hours=1)
MOST_STEPS = 20_000
"""Instants a run on the screen has at most; longer spans take longer steps."""
AS_IT_WAS = "as_it_was"


class Asking:
    """The question, put together on the screen."""

    def __init__(self, view: View, standings: list[Standing], show: Callable[[Outcome], Awaitable[None]]) -> None:
        self._view = view
        self._known = {one.model.name: one for one in standings}
        self._chosen = standings[0]
        self._show = show
        self._forms: dict[str, Form] = {}
        self._settings: Form | None = None
        self._inputs: Any = None

    def draw(self) -> None:
        view = self._view
        subtitle = view.text("The model runs over what was, with what you alter. The plant is not touched.")
        with section(view.text("What if …"), subtitle=subtitle):
            if len(self._known) > 1:
                titles = {name: model_title(view, one.model) for name, one in self._known.items()}
                choice(titles, self._chosen.model.name, self._choose, label=view.text("Model"))
            self._range = time_range(lambda _: None, last=FIRST_SPAN)
            self._inputs = stack()
            with self._inputs:
                self._draw_inputs()
            job(view.text("Run"), self._run, symbol="play_arrow")

    def _choose(self, name: str) -> None:
        self._chosen = self._known[name]
        self._inputs.clear()
        with self._inputs:
            self._draw_inputs()

    def _draw_inputs(self) -> None:
        view, model = self._view, self._chosen.model
        free = model.corrections
        shown = [v for v in self._of(Sort.INPUT) if v.name in model.inputs and v.name not in free]
        self._forms = {}
        with columns(*[1] * min(max(len(shown), 1), 3)):
            for variable in shown:
                with section(variable_title(view, variable)):
                    self._forms[variable.name] = form(_fields(view, variable))
        if free:
            known = {v.name: v for v in self._chosen.variables}
            names = ", ".join(variable_title(view, known[name]) for name in free)
            told = view.text("Not fed to the model in this span, so that it predicts: {names}.", names=names)
            paragraph(told, muted=True)
        settings = [_setting(view, model, v) for v in self._of(Sort.PARAMETER)]
        self._settings = form(settings) if settings else None

    def _of(self, sort: Sort) -> list[Variable]:
        return [v for v in self._chosen.variables if v.sort is sort]

    async def _run(self, tell: Tell) -> None:
        altered = self._altered()
        if altered is None:
            return
        model, span = self._chosen.model, self._range.range
        found = await self._view.ask(Scenarios).run(
            self._view.who, model, span, altered, step_s=_step_s(model, span), progress=tell
        )
        await self._show(found)

    def _altered(self) -> Altered | None:
        """What is entered; None after a sentence at each field that lacks its number."""
        told: dict[str, dict[str, float]] = {"values": {}, "factors": {}, "offsets": {}, "ramps": {}}
        whole = True
        for name, entered in self._forms.items():
            values = entered.check() or {}
            if values.get("how") in told:
                if values.get("number") is None:
                    entered.problem("number", self._view.text("Enter a number."))
                    whole = False
                else:
                    told[values["how"]][name] = float(values["number"])
        return Altered(**told, free=self._chosen.model.corrections, parameters=self._parameters()) if whole else None

    def _parameters(self) -> dict[str, float]:
        if self._settings is None:
            return {}
        entered = self._settings.check()
        if entered is None:
            raise Invalid(self._view.text("A setting of the model is not a number."))
        model = self._chosen.model
        standing = {v.name: model.parameters.get(v.name, v.start) for v in self._of(Sort.PARAMETER)}
        return {n: float(v) for n, v in entered.items() if v is not None and v != standing.get(n)}


def _fields(view: View, variable: Variable) -> list[Field]:
    unit = unit_text(variable.unit)
    inside = f" ({unit})" if unit else ""
    how = {
        AS_IT_WAS: view.text("as it was"),
        "offsets": view.text("plus") + inside,
        "factors": view.text("times"),
        "values": view.text("held at") + inside,
        "ramps": view.text("rising by the end by") + inside,
    }
    return [
        Field(name="how", label=view.text("How"), kind="select", options=how, value=AS_IT_WAS),
        Field(name="number", label=view.text("How much"), kind="number"),
    ]


def _setting(view: View, model: Model, variable: Variable) -> Field:
    value = model.parameters.get(variable.name, variable.start)
    title, unit = variable_title(view, variable), unit_text(variable.unit) if variable.unit != "1" else ""
    return Field(name=variable.name, label=title, kind="number", value=value, unit=unit, advanced=True)


def _step_s(model: Model, span: TimeRange) -> float:
    return max(model.every_s, round(span.span.total_seconds() / MOST_STEPS, 1))
