"""Puts live values into documents: an element that names a series shows the newest value of it.

Elements name their series in the extension `series`. The value is read from memory when the document is read and
never written into it. Whoever binds an element must be allowed to see the series; reading the document is
enough afterwards, as with the properties of twins.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace

import orjson

from lineshaft.kernel.terms import PlantPath, Value
from lineshaft.security import PLATFORM
from lineshaft.telemetry import Live, Selection
from lineshaft.twins.metamodel.kinds import Json
from lineshaft.twins.model.repository import Document, Kind
from lineshaft.twins.store.bound import MARK, bound_of
from lineshaft.twins.store.entries import digest_of, packed

from .door import LIVE
from .shelf import put_values

WITH_FRACTION = frozenset(("xs:double", "xs:float", "xs:decimal"))
_MOST_KEPT = 10_000


def bound(document: Json) -> Iterator[tuple[str, str, str]]:
    """The elements that name a series: idShortPath, xs type, path of the series."""
    for one in bound_of(document):
        yield one.path, one.value_type, one.series


class Living:
    """Fills documents; remembers which elements of which document are bound."""

    def __init__(self, live: Live | None) -> None:
        self._live = live
        self._bound: OrderedDict[tuple[int, int], tuple[tuple[str, str, str], ...]] = OrderedDict()

    async def fill(self, document: Document) -> Document:
        """The document with the newest values of its series; the same one where nothing is bound."""
        if self._live is None or document.kind is not Kind.SUBMODEL or MARK not in document.body:
            return document
        content: Json | None = None
        key = (document.number, document.version)
        known = self._bound.get(key)
        if known is None:
            content = orjson.loads(document.body)
            known = self._bound[key] = tuple(bound(content))
            while len(self._bound) > _MOST_KEPT:
                self._bound.popitem(last=False)
        values = await self._values(known)
        if not values:
            return document
        content = content or orjson.loads(document.body)
        put_values(content, values)
        body = packed(content)
        return replace(document, body=body, etag=f"{document.etag}{LIVE}{digest_of(body)}")

    async def _values(self, known: tuple[tuple[str, str, str], ...]) -> dict[str, str | None]:
        if not known or self._live is None:
            return {}
        paths = tuple(dict.fromkeys(series for _, _, series in known))
        newest = {one.path: one.value for one in await self._live.latest(PLATFORM, Selection(paths=paths))}
        found = {path: lexical(newest.get(PlantPath(series)), kind) for path, kind, series in known}
        return {path: value for path, value in found.items() if value is not None}


def lexical(value: Value | None, kind: str) -> str | None:
    """A value in the lexical form of an xs type; None where there is none, or none of that type."""
    if value is None:
        return None
    if kind == "xs:string":
        return f"{value:g}" if isinstance(value, float) and value.is_integer() else str(value)
    if isinstance(value, str):
        return None
    if kind == "xs:boolean":
        return "true" if value else "false"
    return repr(float(value)) if kind in WITH_FRACTION else str(int(value))
