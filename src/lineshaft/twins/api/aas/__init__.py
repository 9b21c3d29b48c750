"""The AAS API (IDTA-01002) on two mounts: /api/v3.0 as the compliance suite has it, /api/v3.1 as the text has it.

tree        addresses -> handlers         server    the ASGI application
call        a request and an answer       asked     pages, modifiers, filters
results     errors                        roots     where shells and submodels stand
browsers    pages of other sites

Everything else holds handlers, and `routes()` that says where they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from lineshaft.twins.metamodel import V30, V31

from . import (
    bulk,
    concepts,
    description,
    discovery,
    elements,
    files,
    operations,
    packages,
    query,
    registry,
    serialization,
    shells,
    standalone,
    submodels,
)
from .browsers import opened
from .server import Server, refusal
from .services import Services
from .tree import Route, Tree

MOUNTS = {"/api/v3.0": V30, "/api/v3.1": V31}
_PARTS = (
    shells, submodels, elements, files, operations, concepts, registry, bulk, discovery, query, packages, serialization,
    standalone, description,
)  # fmt: skip


def routes() -> Iterator[Route]:
    """Every operation of the API."""
    return chain.from_iterable(part.routes() for part in _PARTS)


def application(services: Services) -> Server:
    """The AAS API over its services."""
    tree = Tree(routes())
    return Server(services, {mount: (dialect, tree) for mount, dialect in MOUNTS.items()})


__all__ = ["MOUNTS", "Server", "Services", "application", "opened", "refusal", "routes"]
