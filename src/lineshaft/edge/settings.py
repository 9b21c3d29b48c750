"""Settings of the edge, and of the connections declared in `plant.toml`.

[edge]
name = "edge-1"

[[edge.modbus]]            # one table per connection, under the connector's name
name = "compressor"
host = "192.168.0.10"
[[edge.modbus.tags]]
path = "pressure"
address = "holding:0:float32"
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import tomlkit
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from lineshaft.kernel.config import Complaint, PlantSettings, Section, complaints_of
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.plugins import Shelf
from lineshaft.kernel.terms import Kind, PlantPath

from .connectors import Connector, Tag, place_below
from .model import Connection

SHELF = Shelf("lineshaft.edge.connectors", what="connector")
_NAME = re.compile(r"[\w-]{1,64}")
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(us|ms|s|m|min|h)")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


class EdgeSettings(Section):
    """The edge role of this process. Connections stand beside it as `[[edge.<connector>]]`."""

    name: str = "edge-1"
    """Name of this box in health pages and on the bus."""
    batch_ms: int = Field(default=100, ge=1, le=5000)
    """A batch leaves after this long, or when it holds 1,000 samples."""
    buffer_samples: int = Field(default=2_000_000, ge=10_000)
    """Samples held while the bus is away; then subscriptions wait and polls are dropped and counted."""
    max_silence: float = Field(default=60.0, gt=0)
    """Seconds after which an unchanged polled value is reported all the same."""
    connections: dict[str, list[dict[str, Any]]] = Field(default_factory=dict)

    @field_validator("name")
    @classmethod
    def _named(cls, value: str) -> str:
        if not _NAME.fullmatch(value):
            raise ValueError("a name is 1 to 64 letters, digits, '-' or '_'")
        return value

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, raw: dict[str, Any]) -> dict[str, Any]:
        """Put the tables of connectors aside; what they hold is judged by `complaints`."""
        own = {k: v for k, v in raw.items() if k in cls.model_fields}
        tables = {k: v for k, v in raw.items() if k not in own and isinstance(v, list)}
        rest = {k: v for k, v in raw.items() if k not in own and k not in tables}
        return {**own, **rest, "connections": {**own.get("connections", {}), **tables}}

    def complaints(self, place: str, plant: PlantSettings) -> Iterable[Complaint]:
        seen: dict[str, str] = {}
        paths: dict[str, str] = {}
        for connector, raw, where in self._tables(place):
            try:
                built = build(connector, raw, organisation=plant.organisation, place=where)
            except BadSettings as error:
                yield from error.complaints
                continue
            name = built.connection.name
            if name in seen:
                yield Complaint(
                    place=where, message=f"the name {name!r} is taken by {seen[name]}.", hint="Choose another."
                )
            seen.setdefault(name, where)
            yield from _doubles(built.tags, where, paths)

    def declared(self, plant: PlantSettings) -> list[Connection]:
        """The connections of the file, already known to be right."""
        tables = self._tables("edge")
        return [build(c, raw, organisation=plant.organisation, place=w).connection for c, raw, w in tables]

    def _tables(self, place: str) -> Iterable[tuple[str, dict[str, Any], str]]:
        for connector, tables in self.connections.items():
            for i, raw in enumerate(tables):
                yield connector, raw, f"{place}.{connector}[{i}]"


def _doubles(tags: Sequence[Tag], where: str, paths: dict[str, str]) -> Iterable[Complaint]:
    for tag in tags:
        if tag.path in paths:
            yield Complaint(
                place=where,
                message=f"the path {tag.path} is used twice, also in {paths[tag.path]}.",
                hint="Rename one.",
            )
        paths.setdefault(tag.path, where)


class TagSettings(BaseModel):
    """One tag of a connection as it stands in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    path: str
    """Place in the plant, below the connection's path; a leading '/' makes it a whole path."""
    address: str
    """Where the machine holds the value, in the connector's own grammar."""
    kind: Kind = Kind.NUMBER
    """What sort of value it is."""
    unit: str = ""
    """Unit after scaling, in UCUM: `Cel`, `bar`, `kW.h`."""
    scale: float = 1.0
    """The value is raw × scale + offset; writes are turned back."""
    offset: float = 0.0
    deadband: float = Field(default=0.0, ge=0)
    """Smallest change that is reported, in `unit`; 0 reports every change."""
    every: timedelta = timedelta(seconds=1)
    """How often to poll, as 250ms, 1s or 5min; the sampling interval of subscriptions."""
    writable: bool = False
    """Whether people with the role operator may set it."""
    low: float | None = None
    """Writes below are refused."""
    high: float | None = None
    """Writes above are refused."""
    options: dict[str, Any] = Field(default_factory=dict)
    """What only this connector knows of a tag."""

    @field_validator("every", mode="before")
    @classmethod
    def _span(cls, value: Any) -> Any:
        if isinstance(value, str):
            return parse_span(value)
        return value

    def below(self, root: PlantPath) -> Tag:
        """The tag at its place: relative to the connection's path, or anywhere when written with a leading '/'."""
        path = PlantPath.parse(place_below(root, self.path))
        fields = {name: getattr(self, name) for name in type(self).model_fields if name != "path"}
        return Tag(path=path, **fields)


def method_paths(connection: Connection) -> set[str]:
    """Where the methods stand that a saved connection lets people call."""
    return {place_below(connection.path, str(one.get("path", ""))) for one in connection.raw.get("methods", ())}


def tag_paths(connection: Connection) -> set[str]:
    """Where the tags of a saved connection stand."""
    written = (str(tag.get("path", "")) for tag in connection.raw.get("tags", ()))
    return {place_below(connection.path, path) for path in written}


def find_tag(connection: Connection, path: str) -> Tag:
    """One tag of a saved connection that has it."""
    tags = (TagSettings.model_validate(tag) for tag in connection.raw.get("tags", ()))
    return next(tag for one in tags if (tag := one.below(connection.path)).path == path)


def parse_span(text: str) -> timedelta:
    """'250ms', '1s', '5 min' as a span; ValueError says how to write it."""
    found = _SPAN.fullmatch(text.strip())
    if not found:
        raise ValueError("a span is a number and a unit: 250ms, 1s, 5min, 1h")
    return timedelta(seconds=float(found[1]) * _SECONDS[found[2]])


class BadSettings(Invalid):
    """A connection's settings are wrong; carries the complaints."""

    code = "edge.bad_connection"

    def __init__(self, complaints: list[Complaint]) -> None:
        super().__init__("\n".join(str(c) for c in complaints))
        self.complaints = complaints

    @property
    def fields(self) -> dict[str, str]:
        """What is wrong by the setting it stands in; empty for the connection as a whole."""
        return {_setting(c.place): f"{c.message[:1].upper()}{c.message[1:]} {c.hint}".strip() for c in self.complaints}


def _setting(place: str) -> str:
    """`port` of `connection.port`; nothing of `connection acme/hall`."""
    return re.split(r"[.\[]", place.partition(" ")[0].partition(".")[2])[0]


class Built:
    """A connection with its tags and its connector class, checked, nothing opened."""

    def __init__(
        self, connection: Connection, tags: tuple[Tag, ...], kind: type[Connector[Any]], settings: Any
    ) -> None:
        self.connection = connection
        self.tags = tags
        self._kind = kind
        self._settings = settings

    def connector(self) -> Connector[Any]:
        """A fresh connector; no I/O yet."""
        return self._kind(self._settings, self.tags, root=self.connection.path)


def build(connector: str, raw: dict[str, Any], *, organisation: str, place: str = "connection") -> Built:
    """Check a connection as written and make it ready; BadSettings carries every complaint at once."""
    if not isinstance(raw, dict):
        raise BadSettings([Complaint(place=place, message=f"[[{place}]] must be a table.")])
    try:
        kind: type[Connector[Any]] = SHELF.get(connector).load().CONNECTOR
    except Invalid as error:
        raise BadSettings([Complaint(place=place, message=error.message, hint=error.hint)]) from error
    own = {k: v for k, v in raw.items() if k not in {"name", "path", "enabled", "edge", "tags"}}
    complaints: list[Complaint] = []
    name = str(raw.get("name", ""))
    if not _NAME.fullmatch(name):
        complaints.append(
            Complaint(place=f"{place}.name", message="every connection needs a name of letters, digits, '-' or '_'.")
        )
    root = _root(raw, organisation, name, place, complaints)
    tags = _tags(raw.get("tags", []), root, place, complaints)
    try:
        settings = kind.Settings.model_validate(own)
    except ValidationError as error:
        complaints.extend(complaints_of(error, kind.Settings, place))
    edge = str(raw.get("edge", ""))
    if edge and not _NAME.fullmatch(edge):
        complaints.append(
            Complaint(place=f"{place}.edge", message="the name of a box is letters, digits, '-' and '_'.")
        )
    if not isinstance(raw.get("enabled", True), bool):
        complaints.append(Complaint(place=f"{place}.enabled", message="enabled is true or false."))
    if complaints:
        raise BadSettings(complaints)
    enabled = raw.get("enabled", True)
    connection = Connection(name=name, connector=connector, path=root, enabled=enabled, edge=edge, raw=dict(raw))
    built = Built(connection, tuple(tags), kind, settings)
    found = [*_doubles(tags, place, {}), *_problems(built, place)]
    if found:
        raise BadSettings(found)
    return built


def _problems(built: Built, place: str) -> Iterable[Complaint]:
    for problem in built.connector().check():
        yield Complaint(place=f"{place} {problem.path}", message=problem.message, hint=problem.hint)


def _root(raw: dict[str, Any], organisation: str, name: str, place: str, complaints: list[Complaint]) -> PlantPath:
    text = str(raw.get("path", name or "connection"))
    full = text if text.split("/", 1)[0] == organisation else f"{organisation}/{text}"
    try:
        return PlantPath.parse(full)
    except Invalid as error:
        complaints.append(Complaint(place=f"{place}.path", message=error.message, hint=error.hint))
        return PlantPath(organisation)


def _tags(raw: Any, root: PlantPath, place: str, complaints: list[Complaint]) -> list[Tag]:
    if not isinstance(raw, list):
        complaints.append(Complaint(place=f"{place}.tags", message=f"tags are written as [[{place}.tags]] tables."))
        return []
    tags = []
    for i, entry in enumerate(raw):
        where = f"{place}.tags[{i}]"
        try:
            tags.append(TagSettings.model_validate(entry).below(root))
        except ValidationError as error:
            complaints.extend(complaints_of(error, TagSettings, where))
        except Invalid as error:
            complaints.append(Complaint(place=f"{where}.path", message=error.message, hint=error.hint))
    return tags


def as_toml(connections: Sequence[Connection]) -> str:
    """Connections as `[[edge.<connector>]]` tables."""
    document = tomlkit.document()
    edge = tomlkit.table(is_super_table=True)
    for connection in connections:
        tables = edge.setdefault(connection.connector, tomlkit.aot())
        table = tomlkit.table()
        for key, value in connection.raw.items():
            if value is not None:
                table[key] = _tag_tables(value) if key in ("tags", "methods") else value
        tables.append(table)
    if connections:
        document["edge"] = edge
    return tomlkit.dumps(document)


def _tag_tables(tags: list[dict[str, Any]]) -> Any:
    array = tomlkit.aot()
    for tag in tags:
        table = tomlkit.table()
        table.update({key: value for key, value in tag.items() if value is not None})
        array.append(table)
    return array
