"""How models, their variables and their runs are called on the screen."""

from __future__ import annotations

from collections.abc import Sequence

from lineshaft.console import View, quantity
from lineshaft.kernel.errors import NotFound
from lineshaft.twins.model import called
from lineshaft.twins.model.simulation import FMU, Altered, Model, Scenario
from lineshaft.twins.service import span_of
from lineshaft.twins.simulation import SHELF, Variable


def model_title(view: View, model: Model) -> str:
    """What a model is called: by its mechanism, with its own name where that says more."""
    kind = _mechanism(view, model.mechanism)
    return kind if model.name == model.mechanism else f"{kind} · {model.name}"


def _mechanism(view: View, name: str) -> str:
    if name.startswith(FMU):
        return "FMU"
    try:
        plugin = SHELF.get(name)
    except NotFound:
        return name
    return called({"en": plugin.title, **plugin.manifest.get("title_in", {})}, name, view.language)


def variable_title(view: View, variable: Variable) -> str:
    return called(dict(variable.title), variable.name, view.language)


def altered_text(view: View, altered: Altered, variables: Sequence[Variable]) -> str:
    """What was altered, in one line: `Inflow + 10 L/min, Outflow × 1.5`."""
    known = {v.name: v for v in variables}
    units = {name: v.unit for name, v in known.items()}

    def name(of: str) -> str:
        return variable_title(view, known[of]) if of in known else of

    told = [f"{name(n)} = {quantity(v, units.get(n, ''))}" for n, v in {**altered.values, **altered.parameters}.items()]
    told += [f"{name(n)} × {v:g}" for n, v in altered.factors.items()]
    told += [
        f"{name(n)} {v:+g} {quantity(0, units.get(n, ''), 0)[1:].strip()}".strip() for n, v in altered.offsets.items()
    ]
    told += [f"{name(n)} ↗ {quantity(v, units.get(n, ''))}" for n, v in altered.ramps.items()]
    return ", ".join(told) or view.text("nothing altered")


def span_text(view: View, scenario: Scenario) -> str:
    """The span of a run in the viewer's zone."""
    span = span_of(scenario)
    return f"{view.moment(span.start)} … {view.moment(span.end)}"
