"""Identifiables of the Asset Administration Shell as the repository keeps them (IDTA-01001 3.1, clause 5.3).

An identifiable is one JSON document. Its `id` names it for the world, its `number` in the store; pages run
by number, which never changes, so a cursor stays right whatever is written meanwhile. Values that change
often are kept beside the document (hot) and put into it when it is read.

    place     the part of the plant whose rights count: a submodel stands at `<twin>/<idShort>`, the element
              `Motor.Temperature[0]` in it at `<twin>/<idShort>/Motor/Temperature/0`
    version   grows by one with each change of the document; hot values do not touch it
    etag      changes with anything that changes what a reader sees, hot values included
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any, TypeAlias

from lineshaft.kernel.terms import PlantPath

Json: TypeAlias = dict[str, Any]
"""One JSON object in the normal form of metamodel 3.1."""


class Kind(IntEnum):
    """What a document is; the numbers are those of the store."""

    SHELL = 0
    SUBMODEL = 1
    CONCEPT = 2
    SHELL_DESCRIPTOR = 3
    SUBMODEL_DESCRIPTOR = 4
    PACKAGE = 5

    @property
    def words(self) -> str:
        """The kind as a sentence says it."""
        return _WORDS[self]


_WORDS = {
    Kind.SHELL: "shell",
    Kind.SUBMODEL: "submodel",
    Kind.CONCEPT: "concept description",
    Kind.SHELL_DESCRIPTOR: "shell descriptor",
    Kind.SUBMODEL_DESCRIPTOR: "submodel descriptor",
    Kind.PACKAGE: "package",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """An identifiable as it is now: `body` is its JSON in the normal form, hot values included."""

    kind: Kind
    id: str
    number: int
    place: PlantPath
    version: int
    etag: str
    body: bytes
    changed_us: int = 0
    changed_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that belongs to a File element, a shell (its thumbnail) or a package."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What an environment brought: documents created, replaced and left out because they stand here already."""

    created: int = 0
    replaced: int = 0
    skipped: int = 0
    elements: int = 0
    files: int = 0
    refused: tuple[str, ...] = ()
    """One sentence for each document that could not be taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A specific asset id, or `globalAssetId`, by which shells are found (IDTA-01002, discovery)."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a page is narrowed to; all that are given must hold."""

    id_short: str = ""
    semantic: str = ""
    """A semantic id, main or supplemental: the value of the last key of its reference."""
    links: tuple[Link, ...] = ()
    asset_kind: str = ""
    asset_type: str = ""
    is_case_of: str = ""
    data_specification: str = ""
    shell: str = ""
    """Packages that hold this shell."""
    submodel: str = ""
    """Shells that refer to this submodel."""
    words: str = ""
    """Every word must occur in its id, idShort, place or asset ids, or in name, title or type of the twin there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Documents in the order of their numbers; `after` is where the next page begins, None at the end."""

    documents: tuple[Document, ...]
    after: int | None = None


class Verb(StrEnum):
    """What a change did to a document."""

    CREATED = "created"
    CHANGED = "changed"
    VALUES = "values"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One line of the change feed; `values` are the hot values written, by idShortPath."""

    seq: int
    at_us: int
    by: str
    kind: Kind
    id: str
    verb: Verb
    version: int
    values: dict[str, Any] | None = None
    body: bytes | None = None


class Edge(StrEnum):
    """How two things are related. The source of each comes first."""

    PART = "part"
    """The whole has the part: entities of a bill of materials, and twins of the tree."""
    SAME = "same"
    REFERS = "refers"
    HAS_SUBMODEL = "has_submodel"
    DERIVED = "derived"
    FEEDS = "feeds"
    LOCATED = "located"
    PRODUCED = "produced"
