"""Parts whose cells change many times a second without anything being drawn again.

A `Live` element keeps its state on both sides. Changes are compared first, gathered for a moment and
sent as one message for all elements of a page; the browser touches only the text that differs.
"""

from __future__ import annotations

import asyncio
import weakref
from typing import Any

from nicegui import Client, core, json
from nicegui.element import Element

from .view import here

GATHER_S = 0.03
"""How long changes are gathered before they are sent together."""

_pending: weakref.WeakKeyDictionary[Client, dict[int, dict[str, Any]]] = weakref.WeakKeyDictionary()


class Live(Element):  # type: ignore[misc]
    """A part drawn by its own component from a `state` that is patched in place."""

    def __init_subclass__(cls, *, component: str | None = None) -> None:
        super().__init_subclass__(component=component)

    def __init__(self, **state: Any) -> None:
        super().__init__()
        self.view = here()
        """Whose part it is; it may be changed from anywhere, also from outside the page."""
        self.state: dict[str, Any] = state

    def patch(self, **changes: Any) -> None:
        """Change parts of the state; equal values cost nothing."""
        differing = {key: value for key, value in changes.items() if self.state.get(key) != value}
        if differing:
            self.state.update(differing)
            self._tell(differing)

    def call(self, name: str, *arguments: Any) -> None:
        """Run a method of the component in the browser, after the changes made so far."""
        if not self.is_deleted:
            self.run_method(name, *arguments)

    def waiting(self) -> dict[str, Any]:
        """Changes gathered but not sent yet."""
        return _pending.get(self.client, {}).get(self.id, {})

    def _tell(self, changes: dict[str, Any]) -> None:
        if self.is_deleted or self.client.is_deleted or not core.is_loop_running():
            return
        if self.id in self.client.outbox.updates:
            return  # The whole state is about to be sent anyway.
        waiting = _pending.setdefault(self.client, {})
        if not waiting:
            asyncio.get_running_loop().call_later(GATHER_S, _send, weakref.ref(self.client))
        waiting.setdefault(self.id, {}).update(changes)

    def _to_dict(self) -> dict[str, Any]:
        drawn: dict[str, Any] = super()._to_dict()
        drawn["props"] = {**drawn.get("props", {}), "state": self.state}
        return drawn

    def _displayed_contents(self, *, only_visible: bool) -> list[Any]:
        return [*super()._displayed_contents(only_visible=only_visible), *_texts(self.state)]


def _send(reference: weakref.ref[Client]) -> None:
    client = reference()
    changes = _pending.pop(client, None) if client is not None else None
    if client is not None and changes and not client.is_deleted:
        client.run_javascript(f"lineshaft.live({json.dumps(list(changes.items()))})")


def _texts(state: Any) -> list[str]:
    """Everything in a state that a person would read."""
    if isinstance(state, str):
        return [state]
    if isinstance(state, dict):
        return [text for value in state.values() for text in _texts(value)]
    if isinstance(state, list | tuple):
        return [text for value in state for text in _texts(value)]
    return []
