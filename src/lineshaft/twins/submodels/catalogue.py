"""Lists the shelf for people, and finds the template a submodel was made from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lineshaft.twins.metamodel.kinds import Json
from lineshaft.twins.metamodel.references import semantics

from .facts import Template
from .matching import same_but_version
from .tables import SHELF, head, template


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One template as a list shows it."""

    name: str
    number: str
    version: str
    title: dict[str, str]
    summary: dict[str, str]
    means: str
    elements: int
    mandatory: int
    source: str
    licence: str


def catalogue(more: Iterable[Template] = ()) -> list[Entry]:
    """Every template of the shelf and those loaded besides, by number."""
    every = [*(template(name) for name in SHELF.plugins), *more]
    return sorted((_entry(one) for one in every), key=lambda entry: (entry.number or "~", entry.name))


def template_for(submodel: Json, more: Iterable[Template] = ()) -> Template | None:
    """The template a submodel follows, by its semantic id, an older one, or the same id in another version.

    Two templates may share an id (the general carbon footprint and that of batteries); then the template id in
    `administration` decides, after it the version there, and at last the lower number. One that has no semantic id is
    known by its template id alone.
    """
    ids, said = semantics(submodel), submodel.get("administration") or {}
    made_from, version = said.get("templateId"), f"{said.get('version', '')}.{said.get('revision', '')}"
    ranked = [
        ((_likeness(ids, one, made_from), one.template_id == made_from, one.version == version.strip(".")), one)
        for one in sorted([*more, *(head(name) for name in SHELF.plugins)], key=_number)
    ]
    (likeness, *_), best = max(ranked, key=lambda r: r[0])
    if not likeness:
        return None
    return best if best.name not in SHELF.plugins else template(best.name)


def _likeness(ids: list[str], one: Template, made_from: object) -> int:
    if (one.means and one.means in ids) or (not one.means and one.template_id == made_from):
        return 3
    if any(id_ in one.accepts for id_ in ids):
        return 2
    return int(bool(ids) and same_but_version(ids[0], one.means))


def _number(one: Template) -> str:
    return one.number or "~"


def _entry(one: Template) -> Entry:
    every = [element for _, element in one.walk()]
    return Entry(
        name=one.name,
        number=one.number,
        version=one.version,
        title=one.title,
        summary=one.summary,
        means=one.means,
        elements=len(every),
        mandatory=sum(element.many.least > 0 for element in every),
        source=one.source,
        licence=one.licence,
    )
