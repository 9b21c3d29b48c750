"""What a caller may see of documents: all of one, some of its branches, or nothing.

Rights stand on places. An element stands at `<place of its submodel>/<its path, with '/'>`, so a role on
`acme/press-1/TechnicalData/Motor` shows that submodel with nothing but the branch `Motor` in it. Collections
on the way keep what says what they are; members of a list that are hidden leave a blank, as those behind
them keep their index.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from lineshaft.kernel.terms import PlantPath
from lineshaft.twins.metamodel.kinds import LIST, SLOTS, Json, children, kind_of
from lineshaft.twins.metamodel.paths import place_of, step_to
from lineshaft.twins.model.repository import Document, Kind
from lineshaft.twins.store.entries import digest_of

_KEPT = (
    "modelType", "id", "idShort", "kind", "semanticId", "supplementalSemanticIds", "typeValueListElement",
    "valueTypeListElement", "orderRelevant", "semanticIdListElement", "entityType",
)  # fmt: skip
"""Attributes of what stands above a visible branch."""


class Sight:
    """The subtrees somebody may read, applied to documents."""

    def __init__(self, trees: Sequence[str]) -> None:
        self.trees = tuple(trees)

    def whole(self, place: str) -> bool:
        """Whether everything at a place may be seen."""
        return any(PlantPath(place).within(tree) for tree in self.trees)

    def partly(self, place: str) -> bool:
        """Whether something below a place may be seen."""
        return any(tree.startswith(place + "/") for tree in self.trees)

    def shown(self, document: Document) -> Document | None:
        """The document as the caller may see it; None when that is nothing."""
        if self.whole(document.place):
            return document
        if document.kind is not Kind.SUBMODEL or not self.partly(document.place):
            return None
        pruned = self.pruned(orjson.loads(document.body), document.place)
        if pruned is None:
            return None
        body = orjson.dumps(pruned)
        return Document(
            kind=document.kind,
            id=document.id,
            number=document.number,
            place=document.place,
            version=document.version,
            etag=digest_of(body),
            body=body,
            changed_us=document.changed_us,
            changed_by=document.changed_by,
        )

    def values(self, place: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Of values by idShortPath those the caller may see."""
        if self.whole(place):
            return dict(values)
        return {path: value for path, value in values.items() if self.whole(f"{place}/{place_of(path)}")}

    def pruned(self, element: Json, place: str) -> Json | None:
        """What may be seen of an element that stands at a place; None for nothing."""
        if self.whole(place):
            return element
        if not self.partly(place):
            return None
        below = list(self._below(element, place))
        if not any(one is not None for one in below):
            return None
        kept = {name: element[name] for name in _KEPT if name in element}
        if kind_of(element) == LIST:
            blanks = [_blank(child) for child in children(element)]
            shown = [blank if one is None else one for one, blank in zip(below, blanks, strict=True)]
        else:
            shown = [one for one in below if one is not None]
        return {**kept, SLOTS[kind_of(element)]: shown}

    def _below(self, element: Json, place: str) -> Iterator[Json | None]:
        for index, child in enumerate(children(element)):
            yield self.pruned(child, f"{place}/{place_of(step_to('', element, index, child))}".replace("//", "/"))


def _blank(element: Json) -> Json:
    return {name: element[name] for name in ("modelType", "valueType") if name in element}


def changed_places(before: Json, after: Json, place: str) -> Iterator[str]:
    """Where two states of a document differ: the outermost elements whose own content does."""
    if before == after:
        return
    slot = SLOTS.get(kind_of(after), "")
    rest = [{name: value for name, value in one.items() if name != slot} for one in (before, after)]
    if rest[0] != rest[1] or not slot:
        yield place
        return
    old, new = (dict(_named(one)) for one in (before, after))
    for step in dict.fromkeys([*old, *new]):
        below = f"{place}/{step}"
        if step in old and step in new:
            yield from changed_places(old[step], new[step], below)
        else:
            yield below


def _named(element: Json) -> Iterator[tuple[str, Json]]:
    for index, child in enumerate(children(element)):
        yield place_of(step_to("", element, index, child)).removeprefix("/"), child
