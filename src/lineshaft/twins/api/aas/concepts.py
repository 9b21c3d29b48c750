"""Concept descriptions: what semantic ids mean."""

from __future__ import annotations

from collections.abc import Iterator

from . import documents
from .documents import CONCEPTS
from .tree import Route


def routes() -> Iterator[Route]:
    """Listing, reading and writing of concept descriptions."""
    yield from documents.routes(CONCEPTS, "cdId")
