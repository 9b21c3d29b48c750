"""Addresses as a tree of segments, so that finding the answer to a request does not depend on how many there are.

/shells/{aasId}/submodel-refs      `{aasId}` stands for any one segment; a literal segment goes before it
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from lineshaft.kernel.errors import NotFound, PlatformError

if TYPE_CHECKING:
    from .call import Answer, Call

Handler: TypeAlias = "Callable[[Call], Awaitable[Answer]]"


class NoMethod(PlatformError):
    """The address exists, but not with this method."""

    code = "twins.method_not_allowed"
    status = 405
    default_hint = "`Allow` in the answer lists the methods there are."


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the API: its method, its address and what answers it."""

    method: str
    address: str
    handler: Handler
    summary: str = ""


@dataclass(slots=True)
class _Node:
    named: dict[str, _Node] = field(default_factory=dict)
    any: _Node | None = None
    name: str = ""
    handlers: dict[str, Handler] = field(default_factory=dict)


class Tree:
    """Finds the handler of a request."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        for route in routes:
            node = self._grow(route.address)
            if route.method in node.handlers:
                raise ValueError(f"{route.method} {route.address} is there twice")
            node.handlers[route.method] = route.handler

    def _grow(self, address: str) -> _Node:
        node = self._root
        for segment in filter(None, address.split("/")):
            if segment.startswith("{"):
                if node.any is None:
                    node.any, node.name = _Node(), segment[1:-1]
                node = node.any
            else:
                node = node.named.setdefault(segment, _Node())
        return node

    def find(self, method: str, path: str) -> tuple[Handler, dict[str, str]]:
        """The handler and the text of the variable segments; NotFound or NoMethod without one."""
        node, names = self._root, {}
        for segment in path.split("/"):
            if not segment:
                continue
            below = node.named.get(segment)
            if below is None:
                if node.any is None:
                    raise NotFound(f"There is nothing at {path[:200]!r}.", hint="See GET /description.")
                names[node.name] = segment
                below = node.any
            node = below
        handler = node.handlers.get("GET" if method == "HEAD" else method)
        if handler is None:
            if not node.handlers:
                raise NotFound(f"There is nothing at {path[:200]!r}.", hint="See GET /description.")
            raise NoMethod(f"{method[:20]} is not possible at {path[:200]!r}.", allow=", ".join(sorted(node.handlers)))
        return handler, names
