"""The screen of a machine's models: beside it, asked what if, and the runs that were kept."""

from __future__ import annotations

from typing import Any

from lineshaft.console import Column, Table, View, button, empty, section, stack, table, undo
from lineshaft.kernel.clock import from_us
from lineshaft.security import Role
from lineshaft.twins.model.simulation import Scenario
from lineshaft.twins.service import Outcome, Scenarios, Simulations, Standing
from lineshaft.twins.simulation import Variable

from .asking import Asking
from .beside import Beside, draw_offer
from .results import Result, ask_name, draw_comparison
from .spoken import altered_text, span_text

REFRESH_S = 2.0


class WhatIf:
    """Everything about the models of one twin."""

    def __init__(self, view: View, path: str) -> None:
        self._view = view
        self._path = path
        self._standings: list[Standing] = []
        self._result: Any = None
        self._kept: Table

    async def draw(self) -> None:
        view, simulations = self._view, self._view.ask(Simulations)
        running = await simulations.standings(view.who, self._path)
        offered = await self._offered(running)
        self._standings = running + offered
        if not self._standings:
            self._draw_nothing()
            return
        Asking(view, self._standings, self._show).draw()
        self._result = stack()
        await self._draw_kept()
        besides = [Beside(view, one) for one in running]
        for beside in besides:
            beside.draw()
            view.every(REFRESH_S, beside.refresh, name=f"beside {id(beside)}")
        for standing in offered:
            draw_offer(view, standing.model)

    async def _offered(self, running: list[Standing]) -> list[Standing]:
        """Models that fit and are not of a kind that runs already."""
        view, simulations = self._view, self._view.ask(Simulations)
        has = {one.model.mechanism for one in running}
        fitting = [m for m in await simulations.suggest(view.who, self._path) if m.mechanism not in has]
        return [
            Standing(model=m, variables=await simulations.variables(view.who, m.mechanism), fault=None) for m in fitting
        ]

    def _draw_nothing(self) -> None:
        text = self._view.text
        told = text("A model needs properties it can read; the guide on models of mechanisms says which, and how to add an FMU.")  # fmt: skip  # noqa: E501
        empty(text("No model fits this machine"), told, symbol="model_training")

    def _variables(self, scenario: Scenario) -> tuple[Variable, ...]:
        known = {one.model.mechanism: one.variables for one in self._standings}
        return known.get(scenario.model.mechanism, ())

    async def _show(self, outcome: Outcome) -> None:
        self._result.clear()
        with self._result:
            Result(self._view, outcome, self._variables(outcome.scenario), self._changed).draw()

    async def _changed(self) -> None:
        self._result.clear()
        await self._fill()

    # ---- kept runs ----

    async def _draw_kept(self) -> None:
        view, may = self._view, bool(self._view.who.may(Role.OPERATOR, self._path))
        actions = [("edit", view.text("Rename"), self._rename), ("delete", view.text("Discard"), self._discard)]
        with section(view.text("Kept runs"), flush=True, actions=self._draw_compare):
            self._kept = table(
                [
                    Column("name", view.text("Name")),
                    Column("altered", view.text("Altered"), sortable=False),
                    Column("span", view.text("Span"), sortable=False, phone=False),
                    Column("by", view.text("By"), phone=False),
                    Column("at", view.text("Run at"), phone=False),
                ],
                on_row=self._open,
                actions=actions if may else (),
                selectable=True,
                filterable=False,
                empty=(view.text("Nothing kept yet"), view.text("Keep a run to look at it later, or to compare two.")),
                label=view.text("Kept runs"),
            )
        await self._fill()

    def _draw_compare(self) -> None:
        button(self._view.text("Compare two"), self._compare, symbol="compare_arrows")

    async def _fill(self) -> None:
        kept = await self._view.ask(Scenarios).list_(self._view.who, self._path)
        self._kept.set([self._row(one) for one in reversed(kept)])

    def _row(self, one: Scenario) -> dict[str, Any]:
        return {
            "id": one.id,
            "name": one.name,
            "altered": altered_text(self._view, one.altered, self._variables(one)),
            "span": span_text(self._view, one),
            "by": one.by,
            "at": from_us(one.at_us),
        }

    async def _open(self, row: dict[str, Any]) -> None:
        await self._show(await self._view.ask(Scenarios).get(self._view.who, row["id"]))

    def _rename(self, row: dict[str, Any]) -> None:
        view = self._view

        async def rename(name: str) -> None:
            await view.ask(Scenarios).rename(view.who, row["id"], name)
            await self._fill()

        ask_name(view, view.text("Rename the run"), row["name"], rename)

    async def _discard(self, row: dict[str, Any]) -> None:
        view, scenarios = self._view, self._view.ask(Scenarios)
        gone = await scenarios.discard(view.who, row["id"])

        async def back() -> None:
            await scenarios.keep(view.who, gone, gone.scenario.name)
            await self._fill()

        undo(view.text("Discarded {name}", name=gone.scenario.name), back)
        await self._fill()

    async def _compare(self) -> None:
        view, chosen = self._view, self._kept.selected
        if len(chosen) != 2:
            view.toast(view.text("Tick the two runs to compare."), kind="warn")
            return
        first, second = sorted([await view.ask(Scenarios).get(view.who, id_) for id_ in chosen], key=_kept_at)
        self._result.clear()
        with self._result:
            draw_comparison(view, first, second, self._variables(first.scenario))


def _kept_at(outcome: Outcome) -> str:
    return outcome.scenario.id
