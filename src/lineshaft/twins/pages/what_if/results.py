"""What a run gave, next to what was measured: courses, what is left between them, and numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from lineshaft.console import Dialog, Field, View, button, choice, dialog, empty, form, paragraph, section, stack
from lineshaft.security import Role
from lineshaft.twins.service import Outcome, Scenarios
from lineshaft.twins.simulation import Variable, held

from .charts import Compared, Course, draw_courses, draw_differences
from .spoken import altered_text, span_text, variable_title


class Result:
    """One run on the screen."""

    def __init__(self, view: View, outcome: Outcome, variables: tuple[Variable, ...], changed: Any) -> None:
        """`changed` is called when the run has been kept or put away."""
        self._view = view
        self._outcome = outcome
        self._variables = {v.name: v for v in variables}
        self._changed = changed
        self._charts: Any = None

    def draw(self) -> None:
        view, outcome, scenario = self._view, self._outcome, self._outcome.scenario
        told = f"{altered_text(view, scenario.altered, list(self._variables.values()))} · {span_text(view, scenario)}"
        with section(scenario.name or view.text("Result"), subtitle=told, actions=self._draw_actions):
            outputs = [name for name, column in outcome.outputs.items() if np.isfinite(column).any()]
            if not outputs:
                empty(view.text("Nothing could be computed"), view.text("No inputs are known in this span."))
                return
            if len(outputs) > 1:
                choice({n: self._name(n) for n in outputs}, outputs[0], self._draw_charts, label=view.text("Quantity"))
            self._charts = stack()
            self._draw_charts(outputs[0])
        with section(view.text("What if, less as it was"), flush=True):
            rows = [self._compared(name) for name in outputs]
            draw_differences(view, rows, view.text("As it was"), view.text("What if"))

    def _name(self, output: str) -> str:
        return variable_title(self._view, self._variables[output]) if output in self._variables else output

    def _unit(self, output: str) -> str:
        return self._variables[output].unit if output in self._variables else ""

    def _compared(self, name: str) -> Compared:
        outcome = self._outcome
        return Compared(
            name=self._name(name),
            unit=self._unit(name),
            ts_us=outcome.ts_us,
            first=outcome.before[name],
            second=outcome.outputs[name],
        )

    def _draw_charts(self, output: str) -> None:
        view, outcome, unit, text = self._view, self._outcome, self._unit(output), self._view.text
        ts, after, before = outcome.ts_us, outcome.outputs[output], outcome.before[output]
        courses = [
            Course(id="what_if", name=text("What if"), ts_us=ts, values=after),
            Course(id="before", name=text("As it was, by the model"), ts_us=ts, values=before),
        ]
        apart = [Course(id="difference", name=text("What if, less as it was"), ts_us=ts, values=after - before)]
        if (measured := outcome.measured.get(output)) is not None:
            courses.append(Course(id="measured", name=text("Measured"), ts_us=ts, values=measured))
            residual = Course(id="residual", name=text("Measured, less the model"), ts_us=ts, values=measured - before)
            apart.append(residual)
        self._charts.clear()
        with self._charts:
            draw_courses(view, courses, unit)
            draw_courses(view, apart, unit, height="small")

    # ---- keeping ----

    def _draw_actions(self) -> None:
        view, scenario = self._view, self._outcome.scenario
        if not scenario.id and view.who.may(Role.OPERATOR, scenario.model.path):
            button(view.text("Keep …"), self._ask_name, symbol="bookmark_add")
        button(view.text("Close") if scenario.id else view.text("Discard"), self._changed, kind="quiet")

    def _ask_name(self) -> None:
        view = self._view

        async def keep(name: str) -> None:
            kept = await view.ask(Scenarios).keep(view.who, self._outcome, name)
            view.toast(view.text("Kept as {name}", name=kept.name), kind="good")
            await self._changed()

        told = altered_text(view, self._outcome.scenario.altered, list(self._variables.values()))
        ask_name(view, view.text("Keep the run"), told, keep)


def ask_name(view: View, title: str, name: str, done: Any) -> None:
    """A small window for the name of a run."""
    with dialog(title) as box:
        fields = [Field(name="name", label=view.text("Name"), value=name[:80], required=True)]
        form(fields, on_submit=lambda values: _named(box, values["name"], done), on_cancel=box.close)


async def _named(box: Dialog, name: str, done: Any) -> None:
    await done(name)
    box.close()


def draw_comparison(view: View, first: Outcome, second: Outcome, variables: tuple[Variable, ...]) -> None:
    """Two runs of a twin over each other; runs of different times are laid over the first from its start."""
    known = {v.name: v for v in variables}
    names = [name for name in first.outputs if name in second.outputs]
    shift = 0 if _overlap(first, second) else int(first.ts_us[0] - second.ts_us[0])
    a, b = first.scenario.name, second.scenario.name
    with section(view.text("{b} less {a}", a=a, b=b), flush=True):
        if not names:
            empty(view.text("These runs compute nothing in common"), "")
            return
        if shift:
            paragraph(view.text("The runs are of different times; both are shown from their start."), muted=True)
        moved = second.ts_us + shift
        draw_differences(
            view,
            [
                Compared(
                    name=variable_title(view, known[name]) if name in known else name,
                    unit=known[name].unit if name in known else "",
                    ts_us=first.ts_us,
                    first=first.outputs[name],
                    second=held(moved, second.outputs[name], first.ts_us),
                )
                for name in names
            ],
            a,
            b,
        )
    for name in names:
        with section(variable_title(view, known[name]) if name in known else name):
            courses = [
                Course(id="first", name=a, ts_us=first.ts_us, values=first.outputs[name]),
                Course(id="second", name=b, ts_us=moved, values=second.outputs[name]),
            ]
            draw_courses(view, courses, known[name].unit if name in known else "", height="small")


def _overlap(first: Outcome, second: Outcome) -> bool:
    return bool(first.ts_us[0] <= second.ts_us[-1] and second.ts_us[0] <= first.ts_us[-1])
