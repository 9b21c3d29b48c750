"""Takes a template file of anybody into the same facts as the shelf's (IDTA-02000: how templates are written)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lineshaft.twins.metamodel.kinds import LIST, SUBMODEL, Json, children, kind_of
from lineshaft.twins.metamodel.references import normalised, semantic, semantics

from .errors import BadTemplate
from .facts import Element, Many, Template

_MANY = {many.value.lower(): many for many in Many}


def load_templates(document: Json) -> list[Template]:
    """The templates of an environment, or of a submodel standing alone; BadTemplate when there is none."""
    listed = document.get("submodels")
    submodels = listed if isinstance(listed, list) else [document]
    found = [load_template(one) for one in submodels if isinstance(one, dict) and one.get("kind") == "Template"]
    if not found:
        raise BadTemplate("The file holds no submodel whose kind is Template.")
    return found


def load_template(submodel: Json) -> Template:
    """A submodel of kind Template as facts; BadTemplate says what it is instead."""
    if kind_of(submodel) != SUBMODEL or submodel.get("kind") != "Template":
        what = f"a {kind_of(submodel) or 'JSON object'} of kind {submodel.get('kind', 'Instance')}"
        raise BadTemplate(f"{submodel.get('idShort', 'The document')!r} is no template but {what}.")
    if not submodel.get("idShort"):
        raise BadTemplate("The template has no idShort, so its instances would have no name.", hint="Give it one.")
    try:
        return _template(submodel)
    except (AttributeError, TypeError, KeyError, RecursionError) as error:
        raise BadTemplate(f"{submodel['idShort']!r} is not written as the metamodel wants a submodel.") from error


def _template(submodel: Json) -> Template:
    said = submodel.get("administration") or {}
    return Template(
        name=submodel["idShort"],
        id_short=submodel["idShort"],
        means=semantic(submodel.get("semanticId")),
        also=_also(submodel),
        version=".".join(str(said[part]) for part in ("version", "revision") if said.get(part) is not None),
        template_id=said.get("templateId") or submodel.get("id", ""),
        title=_words(submodel, "displayName"),
        summary=_words(submodel, "description"),
        source=submodel.get("id", ""),
        elements=_elements(submodel),
    )


def _elements(parent: Json) -> tuple[Element, ...]:
    """The children as facts; a list that shows the same entry several times wants it once."""
    found = tuple(_element(child) for child in children(parent))
    if kind_of(parent) == LIST:
        return tuple({(one.kind, one.name, one.means, one.type): one for one in reversed(found)}.values())[::-1]
    return found


def _element(said: Json) -> Element:
    many, recursive = _many(said)
    return Element(
        kind=kind_of(said),
        name=said.get("idShort", ""),
        means=semantic(said.get("semanticId")),
        many=many,
        recursive=recursive,
        type=said.get("valueType", ""),
        of=said.get("typeValueListElement", ""),
        of_type=said.get("valueTypeListElement", ""),
        of_means=semantic(said.get("semanticIdListElement")),
        ordered=said.get("orderRelevant") is not False,
        entity=said.get("entityType", ""),
        content=said.get("contentType", ""),
        also=_also(said),
        choices=tuple(part for part in _qualifier(said, "FormChoices").split(";") if part),
        allowed=_all(said, "AllowedValue"),
        span=_qualifier(said, "AllowedRange"),
        languages=_all(said, "RequiredLang"),
        either=_qualifier(said, "EitherOr"),
        pattern=_qualifier(said, "AllowedIdShort"),
        renamed=_qualifier(said, "EditIdShort").lower() == "true",
        words=_words(said, "description"),
        elements=_elements(said),
    )


def _qualifiers(said: Json) -> Iterator[tuple[str, str]]:
    for one in said.get("qualifiers") or ():
        yield str(one.get("type", "")).removeprefix("SMT/"), normalised(str(one.get("value") or ""))


def _qualifier(said: Json, kind: str) -> str:
    return next((value for type_, value in _qualifiers(said) if type_ == kind), "")


def _many(said: Json) -> tuple[Many, bool]:
    """`Cardinality`, or `Multiplicity` in older files; letters are not always those of the standard."""
    told = [value.lower() for kind, value in _qualifiers(said) if kind in ("Cardinality", "Multiplicity")]
    return next((_MANY[one] for one in told if one in _MANY), Many.UNSAID), "recursive" in told


def _all(said: Json, kind: str) -> tuple[str, ...]:
    return tuple(value for type_, value in _qualifiers(said) if type_ == kind and value)


def _also(said: Json) -> tuple[str, ...]:
    return tuple(one for one in semantics({"supplementalSemanticIds": said.get("supplementalSemanticIds")}))


def _words(said: Json, attribute: str) -> dict[str, str]:
    told: Any = said.get(attribute) or ()
    return {one["language"].split("-")[0]: one["text"] for one in told if one.get("text")}
