"""Makes instances from templates: cardinalities kept, optional elements left out unless asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import uuid4

from lineshaft.kernel.terms import nearest
from lineshaft.twins.metamodel.kinds import (
    BLOB,
    ENTITY,
    FILE,
    LIST,
    MULTI_LANGUAGE,
    PROPERTY,
    RANGE,
    REFERENCE,
    RELATIONSHIP,
    SLOTS,
    SUBMODEL,
    Json,
    children,
    kind_of,
)
from lineshaft.twins.metamodel.references import to_identifiable
from lineshaft.twins.metamodel.values import lexical

from .errors import BadSubmodel
from .facts import Element, Template

MOST_ENTRIES = 10_000
"""Entries of one list that are made at once."""


def new(
    template: Template,
    id_: str = "",
    *,
    id_short: str = "",
    include: Iterable[str] = (),
    values: Mapping[str, Any] | None = None,
    everything: bool = False,
) -> Json:
    """An instance of a template: kind Instance, own id, mandatory elements, and what is asked for.

    `include` and `values` name elements by idShortPath (`Markings[1].MarkingName`); naming one makes what is above
    it. Values are plain: text, numbers, `{"en": …}` for texts, (min, max) for ranges, a reference, the asset of an
    entity. `everything` adds each optional element once. BadSubmodel names a path the template does not know.
    """
    plan = _Plan(values=dict(values or {}), wanted={*include, *(values or {})}, everything=everything)
    elements = plan.below(template.elements, "", (), in_list=False)
    if unknown := plan.wanted - plan.made:
        path = min(unknown)
        near = nearest(path, plan.made | {path for path, _ in template.walk()})
        hint = f"Did you mean {near!r}?" if near else ""
        raise BadSubmodel(f"The template {template.id_short} has no element {path!r}.", hint=hint)
    made: Json = {
        "modelType": SUBMODEL,
        "id": id_ or f"urn:uuid:{uuid4()}",
        "idShort": id_short or template.id_short,
        "kind": "Instance",
        "submodelElements": elements,
    }
    return _drop_empty(made | _meaning(template.means, template.also) | _administration(template))


def new_shell(id_: str, global_asset_id: str, *, derived_from: str = "", submodels: Iterable[Json] = ()) -> Json:
    """A shell of a single asset with these submodels, derived from the shell of its type when one is named."""
    made: Json = {
        "modelType": "AssetAdministrationShell",
        "id": id_,
        "assetInformation": {"assetKind": "Instance", "globalAssetId": global_asset_id},
        "submodels": [to_identifiable(SUBMODEL, one["id"]) for one in submodels],
    }
    if derived_from:
        made["derivedFrom"] = to_identifiable("AssetAdministrationShell", derived_from)
    return _drop_empty(made)


@dataclass(slots=True)
class _Plan:
    """What was asked for, and which of it was made so far."""

    values: dict[str, Any]
    wanted: set[str]
    everything: bool
    made: set[str] = field(default_factory=set)

    def below(self, elements: Iterable[Element], path: str, above: tuple[Element, ...], *, in_list: bool) -> list[Json]:
        found = []
        done: set[str] = set()
        for element in elements:
            if element.either in done:
                continue
            places = self._places(element, path, in_list=in_list)
            found += [self._one(element, place, name, (*above, element)) for place, name in places]
            done |= {element.either} - {""} if places else set()
        return found

    def _places(self, element: Element, path: str, *, in_list: bool) -> list[tuple[str, str]]:
        """Where the element stands, and the idShort it gets there."""
        if in_list:
            entries = max(self._least(element), self._highest(path) + 1)
            return [(f"{path}[{i}]", "") for i in range(entries)]
        names = [f"{element.name}{i or ''}" for i in range(max(1, element.many.least))]
        places = [(f"{path}.{name}".removeprefix("."), name) for name in names]
        return places if self._least(element) or self._asked(places[0][0]) else []

    def _least(self, element: Element) -> int:
        optional = self.everything and not element.arbitrary and not element.recursive
        return max(element.many.least, int(optional))

    def _asked(self, place: str) -> bool:
        return any(one == place or one.startswith((f"{place}.", f"{place}[")) for one in self.wanted)

    def _highest(self, path: str) -> int:
        """The highest index asked for in a list; -1 for none."""
        tails = [one[len(path) + 1 :] for one in self.wanted if one.startswith(f"{path}[")]
        indices = [tail.split("]")[0] for tail in tails]
        if odd := [one for one in indices if not one.isdigit() or int(one) >= MOST_ENTRIES]:
            raise BadSubmodel(f"{path}[{odd[0]}] is no place in a list.", hint=f"Lists go up to {MOST_ENTRIES - 1:,}.")
        return max(map(int, indices), default=-1)

    def _one(self, element: Element, place: str, name: str, chain: tuple[Element, ...]) -> Json:
        self.made.add(place)
        made: Json = {"modelType": element.kind} | ({"idShort": name} if name else {})
        made |= _meaning(element.means, element.also) | _form(element)
        if place in self.values:
            made |= filled(element, self.values[place], place)
        slot = SLOTS.get(element.kind)
        if slot is not None and slot not in made:
            made[slot] = self.below(element.elements, place, chain, in_list=element.kind == LIST)
        return _drop_empty(made)


def fresh(element: Element, parent: Json) -> Json:
    """A new element as its template wants it, with what it cannot be without, under a name free below that parent."""
    name = "" if kind_of(parent) == LIST else _free(element.name, {str(one.get("idShort")) for one in children(parent)})
    return _Plan(values={}, wanted=set(), everything=False)._one(element, name or "[0]", name, ())


def _free(name: str, taken: set[str]) -> str:
    return next(one for one in (f"{name}{i or ''}" for i in count()) if one not in taken)


def filled(element: Element, value: Any, path: str) -> Json:
    """The attributes that carry a plain value; BadValue when it does not fit the type."""
    if element.kind == PROPERTY:
        return {"value": lexical(element.type, value, path)}
    if element.kind == MULTI_LANGUAGE:
        said = {"en": value} if isinstance(value, str) else value
        return {"value": [{"language": language, "text": text} for language, text in said.items()]}
    if element.kind == RANGE:
        ends = zip(("min", "max"), value, strict=True)
        return {name: lexical(element.type, end, path) for name, end in ends if end is not None}
    if element.kind == RELATIONSHIP:
        return {"first": value[0], "second": value[1]}
    if element.kind == ENTITY:
        return {"entityType": "SelfManagedEntity", "globalAssetId": value}
    if element.kind in (FILE, BLOB, REFERENCE):
        return {"value": value}
    raise BadSubmodel(f"{path}: a {element.kind} takes no single value.", hint="Name the elements in it.")


def _form(element: Element) -> Json:
    """Attributes a kind cannot be without."""
    if element.kind in (PROPERTY, RANGE):
        return {"valueType": element.type}
    if element.kind == LIST:
        return _list_form(element)
    if element.kind == ENTITY:
        return {"entityType": "CoManagedEntity"}
    return {"contentType": element.content} if element.content else {}


def _list_form(element: Element) -> Json:
    made: Json = {"typeValueListElement": element.of or "SubmodelElement"}
    if element.of_type and element.of in (PROPERTY, RANGE):
        made["valueTypeListElement"] = element.of_type
    if element.of_means and all(one.means == element.of_means for one in element.elements):
        made["semanticIdListElement"] = reference(element.of_means)
    return made if element.ordered else made | {"orderRelevant": False}


def _meaning(means: str, also: Iterable[str]) -> Json:
    made: Json = {"semanticId": reference(means)} if means else {}
    return made | ({"supplementalSemanticIds": [reference(one) for one in also]} if also and means else {})


def reference(means: str) -> Json:
    """A reference to a meaning outside the shell."""
    return {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": means}]}


def _administration(template: Template) -> Json:
    version, _, revision = template.version.partition(".")
    said = {"version": version, "revision": revision, "templateId": template.template_id}
    found = {name: text for name, text in said.items() if text}
    return {"administration": found} if found else {}


def _drop_empty(made: Json) -> Json:
    """Empty lists are not allowed in the metamodel; they are left out."""
    return {name: value for name, value in made.items() if value != []}
