"""Leads through a task in steps, each checked before the next.

    wizard([
        Step(view.text("Machine"), draw_machine, check=settings_are_fine),
        Step(view.text("Tags"), draw_tags),
    ], on_finish=save, finish=view.text("Save connection"))

`check` is called before leaving a step forwards; it returns False (after saying why) to stay.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nicegui.element import Element

from .actions import button, enable
from .layout import element
from .view import here, text


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its title, what draws it (may be async) and what must hold to go on."""

    title: str
    draw: Callable[[], object]
    check: Callable[[], Awaitable[bool] | bool] | None = None
    again: bool = False
    """Draw it anew each time it is entered, because it shows what earlier steps chose."""


class Wizard:
    """Steps on screen: `next()`, `back()`, `position`."""

    def __init__(self, steps: Sequence[Step], on_finish: Callable[[], object], finish: str) -> None:
        self.position = 0
        self._steps = list(steps)
        self._on_finish = on_finish
        self._finish = finish
        self._bodies: dict[int, Element] = {}
        self._busy = False
        with element("div", "ls-wizard"):
            with element("ol", "ls-steps"):
                self._heads = [self._head(i, s) for i, s in enumerate(steps)]
            self._place = element("div", "ls-wizard-body")
            with element("div", "ls-form-actions"):
                self._forward = button(text("Next"), self.next, kind="primary")
                self._backward = button(text("Back"), self.back, kind="quiet")
        here().soon(self._show)

    def _head(self, position: int, step: Step) -> Element:
        with element("li", "ls-step", tabindex="-1") as head:
            element("span", "ls-step-number", content=str(position + 1))
            element("span", content=step.title)
        return head

    async def _show(self) -> None:
        for i, head in enumerate(self._heads):
            head.classes(remove="ls-step-now ls-step-done")
            head.classes("ls-step-now" if i == self.position else "ls-step-done" if i < self.position else "")
        last = self.position == len(self._steps) - 1
        self._forward.set_label(self._finish if last else text("Next"))
        self._backward.set_visibility(self.position > 0)
        for body in self._bodies.values():
            body.set_visibility(False)
        step = self._steps[self.position]
        if self.position in self._bodies and not step.again:
            self._bodies[self.position].set_visibility(True)
            return
        if self.position in self._bodies:
            self._bodies.pop(self.position).delete()
        with self._place, element("div", "ls-stack") as body:
            self._bodies[self.position] = body
            drawn = step.draw()
            if inspect.isawaitable(drawn):
                await drawn

    async def next(self) -> None:
        """Check this step and go on, or finish."""
        if self._busy:
            return
        self._busy = True
        enable(self._forward, False)
        try:
            step = self._steps[self.position]
            if step.check is not None and not await _value(step.check()):
                return
            if self.position == len(self._steps) - 1:
                await _value(self._on_finish())
            else:
                await self._move(self.position + 1)
        finally:
            self._busy = False
            enable(self._forward)

    async def back(self) -> None:
        """Go one step back; nothing entered is lost."""
        if self.position > 0:
            await self._move(self.position - 1)

    async def _move(self, position: int) -> None:
        self.position = position
        await self._show()
        self._place.client.run_javascript("lineshaft.step()")


async def _value(done: Any) -> Any:
    return await done if inspect.isawaitable(done) else done


def wizard(steps: Sequence[Step], *, on_finish: Callable[[], object], finish: str = "") -> Wizard:
    """Draw steps one after the other with Back and Next; see the module."""
    return Wizard(steps, on_finish, finish or text("Finish"))
