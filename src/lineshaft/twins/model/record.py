"""The life of a twin from engineering to scrap: entries that are only ever added, and the submodel that shows them.

The document holds what the entries come down to (phase, owner, place, their number), so each entry is a version of it;
the entries stand in a table of their own and are put in when the document is read. What it was at a moment is the
first `EntryCount` of them. An imported record brings its entries inside the document and stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

from lineshaft.kernel.clock import from_us, to_us
from lineshaft.twins.errors import BadTwin, Scrapped

from .repository import Json
from .shell import semantic_reference

RECORD = "urn:lineshaft:submodel:LifeCycle:1:0"
ENTRY = "urn:lineshaft:submodel:LifeCycle:Entry:1:0"
PART = "LifeCycle"
LONGEST_TEXT, LONGEST_PARTY, LONGEST_FACT = 2_000, 200, 200


class Happening(StrEnum):
    """What an entry tells; the first ones come from facts, the others from people."""

    CREATED = "created"
    MOVED = "moved"
    TYPE_CHANGED = "type changed"
    BOUND = "connection changed"
    CHANGED = "changed"
    SETPOINT = "setpoint written"
    MODEL = "model changed"
    DOCUMENT = "document changed"
    IMPORTED = "file imported"
    RETIRED = "retired"
    RETURNED = "returned"
    COMMISSIONED = "commissioned"
    HANDED_OVER = "handed over"
    LEASED = "leased"
    MAINTAINED = "maintained"
    NOTED = "noted"
    DECOMMISSIONED = "decommissioned"
    SCRAPPED = "scrapped"
    REINSTATED = "reinstated"


BY_PEOPLE = tuple(Happening)[list(Happening).index(Happening.COMMISSIONED) :]
_NEEDS_PARTY = (Happening.HANDED_OVER, Happening.LEASED)


class Phase(StrEnum):
    """Where in its life a twin is."""

    ENGINEERING = "engineering"
    OPERATION = "operation"
    DECOMMISSIONED = "decommissioned"
    SCRAPPED = "scrapped"


_PHASES = {
    Happening.COMMISSIONED: Phase.OPERATION,
    Happening.DECOMMISSIONED: Phase.DECOMMISSIONED,
    Happening.SCRAPPED: Phase.SCRAPPED,
    Happening.REINSTATED: Phase.DECOMMISSIONED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened. `fact` tells it from every other of the same twin, however often it is told."""

    fact: str
    kind: Happening
    at_us: int
    """When it happened."""
    by: str
    text: str = ""
    party: str = ""
    """Who it went to, or who did it."""
    until_us: int | None = None
    """The end of a lease."""
    was: str = ""
    now: str = ""
    """What it was before and is since: a place, a type, a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What the entries come down to."""

    phase: Phase = Phase.ENGINEERING
    owner: str = ""
    place: str = ""
    entries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A record as it is told: what it comes down to, hours of operation where they are known, and entries."""

    life: Life
    operating_hours: float | None
    entries: tuple[Entry, ...] = field(default=())
    """The newest first."""
    after: int | None = None
    """Where the page of older ones begins; None at the end."""


def check_entry(entry: Entry) -> Entry:
    """An entry of somebody, or BadTwin saying what is missing."""
    said = replace(entry, text=entry.text.strip(), party=entry.party.strip())
    if said.kind not in BY_PEOPLE:
        raise BadTwin(
            f"{said.kind.value!r} is told by the platform itself.", hint=f"People add: {', '.join(BY_PEOPLE)}."
        )
    if said.kind in _NEEDS_PARTY and not said.party:
        raise BadTwin(f"{said.kind.value!r} needs to say to whom.", hint="Name a company or a person.")
    if said.kind in (Happening.MAINTAINED, Happening.NOTED) and not said.text:
        raise BadTwin(f"{said.kind.value!r} needs to say what.", hint="Add a sentence.")
    if len(said.text) > LONGEST_TEXT or len(said.party) > LONGEST_PARTY:
        raise BadTwin(
            f"A text has at most {LONGEST_TEXT:,} characters, a name {LONGEST_PARTY}.",
            hint="Shorten it, or attach a file.",
        )
    if said.kind is Happening.LEASED and (said.until_us is None or said.until_us <= said.at_us):
        raise BadTwin("A lease ends after it begins.", hint="Say until when.")
    if said.kind is not Happening.LEASED and said.until_us is not None:
        raise BadTwin(f"{said.kind.value!r} has no end.", hint="Leave the end out.")
    return said


def check_next(life: Life, entry: Entry, twin: str) -> None:
    """Refuse what cannot follow: nothing comes after scrap but a reinstatement, and that only then."""
    if life.phase is Phase.SCRAPPED and entry.kind is not Happening.REINSTATED:
        raise Scrapped(f"{twin} was scrapped; nothing of it is changed any more.")
    if entry.kind is Happening.REINSTATED and life.phase is not Phase.SCRAPPED:
        raise BadTwin(f"{twin} was never scrapped.", hint="Nothing needs to be reinstated.")


def lived(life: Life, entry: Entry) -> Life:
    """The life after one more entry."""
    return Life(
        phase=_PHASES.get(entry.kind, life.phase),
        owner=entry.party if entry.kind is Happening.HANDED_OVER else life.owner,
        place=entry.now if entry.kind in (Happening.CREATED, Happening.MOVED, Happening.RETURNED) else life.place,
        entries=life.entries + 1,
    )


# ---- the submodel ----


def head_of(id_: str, life: Life) -> Json:
    """The document without its entries."""
    elements = [
        _property("Phase", life.phase.value),
        *([_property("Owner", life.owner)] if life.owner else []),
        *([_property("Location", life.place)] if life.place else []),
        _property("EntryCount", str(life.entries), "xs:unsignedInt"),
    ]
    return {
        "modelType": "Submodel",
        "id": id_,
        "idShort": PART,
        "kind": "Instance",
        "semanticId": semantic_reference(RECORD),
        "submodelElements": elements,
    }


def life_of(document: Json) -> Life:
    """What a document comes down to."""
    told = {one.get("idShort"): str(one.get("value") or "") for one in document.get("submodelElements") or ()}
    return Life(
        phase=Phase(told.get("Phase") or Phase.ENGINEERING),
        owner=told.get("Owner", ""),
        place=told.get("Location", ""),
        entries=int(told.get("EntryCount") or 0),
    )


def keeps_its_own(document: Json) -> bool:
    """Whether a record brings its entries in the document, as imported ones do."""
    return any(one.get("idShort") == "Entries" for one in document.get("submodelElements") or ())


def is_record(document: Json) -> bool:
    """Whether a document is a life-cycle record."""
    keys = (document.get("semanticId") or {}).get("keys") or [{}]
    return bool(keys[-1].get("value") == RECORD)


def filled(document: Json, entries: Iterable[Entry], hours: float | None) -> Json:
    """The document with its entries, and with hours of operation where they are known."""
    shown = [_collection(entry) for entry in entries]
    listed = {
        "modelType": "SubmodelElementList",
        "idShort": "Entries",
        "orderRelevant": True,
        "typeValueListElement": "SubmodelElementCollection",
        "semanticIdListElement": semantic_reference(ENTRY),
        **({"value": shown} if shown else {}),
    }
    worked = [] if hours is None else [_property("OperatingHours", repr(round(hours, 3)), "xs:double")]
    return {**document, "submodelElements": [*document["submodelElements"], *worked, listed]}


def entries_of(document: Json) -> list[Entry]:
    """The entries that an imported record brings; what cannot be read as one is told as a note, each fact once."""
    listed: Json = next((one for one in document.get("submodelElements") or () if one.get("idShort") == "Entries"), {})
    told = [
        {str(one.get("idShort")): str(one.get("value") or "") for one in held.get("value") or ()}
        for held in listed.get("value") or ()
    ]
    found: dict[str, Entry] = {}
    for entry in (_read(one, number) for number, one in enumerate(told)):
        fact = entry.fact
        while fact in found:
            fact = f"{len(found)}:{fact}"[:LONGEST_FACT]
        found[fact] = replace(entry, fact=fact)
    return list(found.values())


def _read(told: Mapping[str, str], number: int) -> Entry:
    kind = told.get("Happening", "")
    return Entry(
        fact=(told.get("Fact") or f"imported:{number}")[:LONGEST_FACT],
        kind=Happening(kind) if kind in set(Happening) else Happening.NOTED,
        at_us=_us(told.get("At", "")) or 0,
        by=told.get("By", "")[:120],
        text=told.get("Text", ""),
        party=told.get("Party", "")[:LONGEST_PARTY],
        until_us=_us(told.get("Until", "")),
        was=told.get("From", ""),
        now=told.get("To", ""),
    )


def _us(moment: str) -> int | None:
    try:
        told = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return to_us(told if told.tzinfo else told.replace(tzinfo=UTC))


def _collection(entry: Entry) -> Json:
    told: Mapping[str, str] = {
        "By": entry.by,
        "Text": entry.text,
        "Party": entry.party,
        "From": entry.was,
        "To": entry.now,
    }
    until = [] if entry.until_us is None else [_property("Until", _moment(entry.until_us), "xs:dateTime")]
    return {
        "modelType": "SubmodelElementCollection",
        "semanticId": semantic_reference(ENTRY),
        "value": [
            _property("Happening", entry.kind.value),
            _property("At", _moment(entry.at_us), "xs:dateTime"),
            *(_property(name, text) for name, text in told.items() if text),
            *until,
            _property("Fact", entry.fact),
        ],
    }


def _property(name: str, value: str, type_: str = "xs:string") -> Json:
    return {"modelType": "Property", "idShort": name, "valueType": type_, "value": value}


def _moment(us: int) -> str:
    return from_us(us).isoformat().replace("+00:00", "Z")
