"""Mappings as IDTA 02027-2-0 tells them: sources, an optional script, sinks, and how often to poll.

Without a script a mapping hands each value on under its own id, so the ids of sources and sinks must be the same
(element Transformation). A source that is polled needs an interval of its own or the mapping's default.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping as Table
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from lineshaft.twins.metamodel.kinds import Json, children
from lineshaft.twins.metamodel.references import semantics
from lineshaft.twins.submodels.errors import BadSubmodel

from .sandbox import Scalar, Script

_ROOT = "https://admin-shell.io/idta/AssetInterfacesMappingConfiguration/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A value to read: the reference leads to a property of an interface description."""

    id: str
    reference: Json
    every: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sink:
    """A value to write: the reference leads to an element of a twin."""

    id: str
    reference: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """One mapping; it is worked out anew whenever one of its sources changes."""

    name: str
    sources: tuple[Source, ...]
    sinks: tuple[Sink, ...]
    script: Script | None = None


def mappings_of(submodel: Json) -> list[Mapping]:
    """Every mapping of a submodel, checked; BadSubmodel names the one that cannot work, BadScript a bad script."""
    lists = [one for one in children(submodel) if _is(one, "MappingConfigurations")]
    return [_mapping(one, f"MappingConfigurations[{i}]") for found in lists for i, one in enumerate(children(found))]


def run(mapping: Mapping, values: Table[str, Scalar | None]) -> dict[str, Scalar]:
    """The value of each sink for the values of all sources; BadScript when the script answers for other sinks."""
    told = {source.id: values.get(source.id) for source in mapping.sources}
    if mapping.script is None:
        return {name: value for name, value in told.items() if value is not None}
    found = mapping.script.run(told)
    if strange := found.keys() - {sink.id for sink in mapping.sinks}:
        raise BadSubmodel(f"{mapping.name}: the script answers for {min(strange)!r}, which is no sink.")
    return found


def _mapping(said: Json, place: str) -> Mapping:
    default = _seconds(_text(said, "DefaultPollingInterval"), f"{place}.DefaultPollingInterval")
    made = Mapping(
        name=str(said.get("idShort") or place),
        sources=tuple(_source(one, default) for one in _entries(said, "Sources")),
        sinks=tuple(Sink(id=_text(one, "SinkId"), reference=_reference(one)) for one in _entries(said, "Sinks")),
        script=_script(said, place),
    )
    _check(made, place)
    return made


def _check(made: Mapping, place: str) -> None:
    for what, ids in (("source", [s.id for s in made.sources]), ("sink", [s.id for s in made.sinks])):
        if not ids or "" in ids:
            raise BadSubmodel(f"{place}: every mapping needs a {what}, and every {what} an id.")
        if twice := {one for one in ids if ids.count(one) > 1}:
            raise BadSubmodel(f"{place}: two {what}s have the id {min(twice)!r}.")
    if made.script is None and {s.id for s in made.sources} != {s.id for s in made.sinks}:
        odd = min({s.id for s in made.sources} ^ {s.id for s in made.sinks})
        raise BadSubmodel(
            f"{place}: without a transformation sources and sinks have the same ids, but {odd!r} stands alone.",
            hint="Rename it, or add a transformation.",
        )


def _source(said: Json, default: timedelta | None) -> Source:
    own = _seconds(_text(said, "PollingInterval"), "PollingInterval")
    return Source(id=_text(said, "SourceId"), reference=_reference(said), every=own or default)


def _script(said: Json, place: str) -> Script | None:
    blob = next((one for one in children(said) if _is(one, "Transformation")), None)
    if blob is None or not blob.get("value"):
        return None
    if blob.get("contentType") != "text/plain":
        raise BadSubmodel(f"{place}.Transformation has the content type {blob.get('contentType')!r}, not text/plain.")
    try:
        return Script(base64.b64decode(blob["value"], validate=True).decode())
    except (binascii.Error, UnicodeDecodeError) as error:
        raise BadSubmodel(f"{place}.Transformation is not text in base64.") from error


def _entries(said: Json, word: str) -> list[Json]:
    return [entry for one in children(said) if _is(one, word) for entry in children(one)]


def _reference(said: Json) -> Json:
    found: Any = next((one.get("value") for one in children(said) if one.get("modelType") == "ReferenceElement"), None)
    return found if isinstance(found, dict) else {}


def _text(said: Json, word: str) -> str:
    return next((str(one.get("value") or "") for one in children(said) if _is(one, word)), "")


def _seconds(text: str, path: str) -> timedelta | None:
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0.001 <= seconds <= 1e6:
        raise BadSubmodel(f"{path} is {text!r}.", hint="Write seconds, from 0.001.")
    return timedelta(seconds=seconds)


def _is(said: Json, word: str) -> bool:
    """Whether an element is the one of that name, in version 1.0 or 2.0 of the template."""
    own = [one for one in semantics(said) if one.startswith(_ROOT)]
    return any(one.rsplit("/", 1)[-1] == word for one in own) or (not own and said.get("idShort") == word)
