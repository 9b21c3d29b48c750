"""Settings from `plant.toml` and the environment: strict keys, typed secrets, errors a person can act on.

Each section is one context (or one room of the kernel) and has one `Section` class. Environment
variables override single values: `LINESHAFT_TELEMETRY__URL=clickhouse://…`. They are read as TOML values, except
where a setting is text: there they are taken as they are. Nothing is read at import time.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from .errors import Invalid
from .secrecy import names_secret, without_passwords
from .terms import PlantPath, nearest

PREFIX = "LINESHAFT_"
Secret = SecretStr
"""Text that never prints; `.get_secret_value()` where it is used."""


class Section(BaseModel):
    """What users may set in one section, with defaults and sentences."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    def complaints(self, place: str, plant: PlantSettings) -> Iterable[Complaint]:
        """What only this section can judge: plug-ins' own settings, things that contradict each other."""
        del place, plant
        return ()


class PlantSettings(Section):
    """Who this plant is and where its data lies."""

    name: str = "Plant"
    """Shown at the top of every screen."""
    organisation: str = "plant"
    """First part of every plant path."""
    timezone: str = "UTC"
    """IANA zone of the plant's calendar: local days, weeks, shifts."""
    language: str = "en"
    """Language of screens until somebody chooses another: `en` or `zh`."""
    data: Path = Path("lineshaft-data")
    """Folder of everything that must survive a restart."""

    @field_validator("organisation")
    @classmethod
    def _segment(cls, value: str) -> str:
        if "/" in value:
            raise ValueError("an organisation is one path part, without '/'")
        return PlantPath.parse(value)

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        import zoneinfo

        if value not in zoneinfo.available_timezones():
            near = nearest(value, zoneinfo.available_timezones())
            raise ValueError(f"{value!r} is not a time zone" + (f"; did you mean {near!r}?" if near else ""))
        return value


class HttpSettings(Section):
    """Where screens and the API are served."""

    host: str = "127.0.0.1"
    """Address to listen on; `0.0.0.0` lets other machines in."""
    port: int = Field(default=8080, ge=0, le=65535)
    """0 takes a free one."""
    public_url: str = ""
    """The address people use when a proxy stands in front."""


class BusSettings(Section):
    """The message bus: embedded when `url` is empty."""

    url: str = ""
    """`nats://host:4222` or `tls://…` of an external server or cluster."""
    user: str = ""
    """Login of the external server."""
    password: Secret = Secret("")
    host: str = "127.0.0.1"
    """Address the embedded servers listen on."""
    port: int = Field(default=4222, ge=0, le=65535)
    """Client port of the embedded hub; 0 takes a free one, here and below."""
    websocket_port: int = Field(default=9222, ge=0, le=65535)
    monitoring_port: int = Field(default=8222, ge=0, le=65535)
    """Where the embedded hub tells of itself, over HTTP and without a login: always on 127.0.0.1 only."""
    mqtt_url: str = ""
    """`nats://…` of an external MQTT front; empty with an embedded bus."""
    mqtt_host: str = "127.0.0.1"
    mqtt_port: int = Field(default=1883, ge=0, le=65535)
    front_port: int = Field(default=4223, ge=0, le=65535)
    """Client port of the embedded MQTT front."""
    mqtt_sync: str = "front"
    """`front`: messages are synced within 200 ms by draining; `strict`: each one before its PUBACK."""
    sync_interval: str = "always"
    """Anything but `always` can lose acknowledged data in a power cut and is refused."""
    max_stream_gb: float = Field(default=10.0, gt=0)
    """Room for samples not yet stored; when it is full, senders wait."""
    min_free_disk_gb: float = Field(default=1.0, ge=0)
    """Ingestion stops, loudly, before the disk has less than this."""

    @field_validator("sync_interval")
    @classmethod
    def _durable(cls, value: str) -> str:
        if value != "always":
            raise ValueError(
                f"sync_interval = {value!r} can lose acknowledged data in a power cut; only 'always' is accepted"
            )
        return value

    @field_validator("mqtt_sync")
    @classmethod
    def _mode(cls, value: str) -> str:
        if value not in {"front", "strict"}:
            raise ValueError("mqtt_sync is 'front' or 'strict'")
        return value


class DatabaseSettings(Section):
    """The catalogue: users, twins, connections. SQLite in the data folder when `url` is empty."""

    url: str = ""
    """`sqlite:///path` or `postgresql://user:password@host/name`."""


KERNEL_SECTIONS: dict[str, type[Section]] = {
    "plant": PlantSettings,
    "http": HttpSettings,
    "bus": BusSettings,
    "database": DatabaseSettings,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One thing wrong in the configuration: place, sentence, mend."""

    place: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" + (f" {self.hint}" if self.hint else "")


class ConfigError(Invalid):
    """The configuration is wrong; carries every complaint, nothing was started."""

    code = "config.invalid"

    def __init__(self, complaints: list[Complaint]) -> None:
        super().__init__("\n".join(str(c) for c in complaints))
        self.complaints = complaints


S = TypeVar("S", bound=Section)


class Config:
    """The validated settings of a process: `config.get(TelemetrySettings)`."""

    def __init__(self, sections: Mapping[str, Section], source: Path | None = None) -> None:
        self._by_type = {type(s): s for s in sections.values()}
        self.sections = dict(sections)
        self.source = source

    def get(self, kind: type[S]) -> S:
        """The section of that class."""
        return cast("S", self._by_type[kind])

    @property
    def plant(self) -> PlantSettings:
        return self.get(PlantSettings)

    @property
    def data(self) -> Path:
        return self.plant.data


def load(
    source: Path | Mapping[str, Any] | None,
    sections: Mapping[str, type[Section]],
    *,
    env: Mapping[str, str] | None = None,
    known_right: bool = False,
) -> Config:
    """Read and check everything; raises ConfigError with every complaint at once, starts nothing.

    `known_right` leaves out what sections say of their plug-ins, for files this program wrote itself.
    """
    kinds = {**KERNEL_SECTIONS, **sections}
    raw = _read(source) if isinstance(source, Path) else dict(source or {})
    _override(raw, os.environ if env is None else env, kinds)
    complaints = [_unknown("", key, kinds) for key in raw if key not in kinds]
    parsed: dict[str, Section] = {}
    for name, kind in kinds.items():
        try:
            parsed[name] = kind.model_validate(raw.get(name, {}))
        except ValidationError as error:
            complaints.extend(complaints_of(error, kind, name))
        except Invalid as error:
            complaints.append(Complaint(place=name, message=error.message, hint=error.hint))
    plant = parsed.get("plant")
    if isinstance(plant, PlantSettings) and not known_right:
        complaints.extend(c for name, section in parsed.items() for c in section.complaints(name, plant))
    if complaints:
        raise ConfigError(complaints)
    return Config(parsed, source if isinstance(source, Path) else None)


def complaints_of(error: ValidationError, kind: type[BaseModel], place: str) -> Iterator[Complaint]:
    """Turn pydantic's findings into sentences with the place and, for unknown keys, the nearest name."""
    for found in error.errors():
        where = ".".join([place, *(_step(part) for part in found["loc"])]).replace(".[", "[")
        if found["type"] == "extra_forbidden":
            yield _unknown(where.rpartition(".")[0], str(found["loc"][-1]), _fields(kind, found["loc"][:-1]))
        elif found["type"] == "missing":
            yield Complaint(place=where, message="this setting is needed and has no default.")
        else:
            value = found.get("input")
            shown = "" if isinstance(value, dict | list) or names_secret(where) else f", but {value!r} was given"
            message = found["msg"].removeprefix("Value error, ")
            sentence = without_passwords(f"{message[0].lower()}{message[1:]}{shown}.", "***")
            yield Complaint(place=where, message=sentence)


def types_in(annotation: Any) -> Iterator[Any]:
    """The classes an annotation is made of, and the words of a Literal: `dict[str, Secret | None]` holds three."""
    if parts := get_args(annotation):
        for part in parts:
            yield from types_in(part)
    else:
        yield annotation


def _step(part: int | str) -> str:
    return f"[{part}]" if isinstance(part, int) else part


def _fields(kind: type[BaseModel], steps: tuple[int | str, ...]) -> list[str]:
    """The keys allowed at a place inside a model, following lists and nested models."""
    model: Any = kind
    for step in steps:
        if isinstance(step, str) and step in getattr(model, "model_fields", {}):
            model = model.model_fields[step].annotation
            while getattr(model, "__args__", None):
                model = model.__args__[0]
    return list(getattr(model, "model_fields", {}))


def _unknown(place: str, key: str, known: Mapping[str, Any] | list[str]) -> Complaint:
    near = nearest(key, known)
    where = f"{place}.{key}" if place else key
    hint = f"Did you mean {near!r}?" if near else f"Known here: {', '.join(sorted(known))}."
    return Complaint(place=where, message=f"unknown key {key!r}.", hint=hint)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        hint = "Name another with --config; lineshaft demo starts without one."
        raise ConfigError([Complaint(place=str(path), message="there is no such file.", hint=hint)]) from error
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        hint = "Name a file that this user may read."
        raise ConfigError([Complaint(place=str(path), message=f"it cannot be read: {why}.", hint=hint)]) from error
    except UnicodeDecodeError as error:
        complaint = Complaint(place=str(path), message="it is no text in UTF-8.", hint="Save it as TOML in UTF-8.")
        raise ConfigError([complaint]) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([Complaint(place=str(path), message=f"not valid TOML: {error}.")]) from error


def _override(raw: dict[str, Any], env: Mapping[str, str], kinds: Mapping[str, type[Section]]) -> None:
    for name, text in env.items():
        if not name.startswith(PREFIX) or "__" not in name:
            continue
        *tables, key = name.removeprefix(PREFIX).lower().split("__")
        table = raw
        for step in tables:
            table = table.setdefault(step, {})
            if not isinstance(table, dict):
                place = ".".join(tables)
                raise ConfigError([Complaint(place=name, message=f"{place} is no table that the environment can set.")])
        table[key] = text if _is_text(_annotation(kinds, [*tables, key])) else _literal(text)


def _annotation(kinds: Mapping[str, type[BaseModel]], steps: Sequence[str]) -> Any:
    """What a setting, named by section, tables and key, may hold; None for one that does not exist."""
    annotation: Any = kinds.get(steps[0])
    for step in steps[1:]:
        field = getattr(annotation, "model_fields", {}).get(step)
        annotation = field.annotation if field is not None else None
    return annotation


def _is_text(annotation: Any) -> bool:
    """Whether a setting may be text, so that a password `12345` or an organisation `007` is not a number."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin in {Union, UnionType, Annotated}:
        return any(_is_text(part) for part in parts)
    if origin is Literal:
        return any(isinstance(part, str) for part in parts)
    return isinstance(annotation, type) and issubclass(annotation, str | Secret | Path)


def _literal(text: str) -> Any:
    try:
        return tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        return text
