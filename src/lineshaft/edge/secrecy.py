"""Secrets in the settings of connections: hidden wherever they are shown, kept when what was shown comes back.

A secret is what a connector declares as `Secret`, what is named like one, and the password in an address,
however deep it lies. It is shown as `***`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn

from pydantic import BaseModel

from lineshaft.kernel.config import Secret, types_in
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.secrecy import LOGIN, names_secret, without_passwords

from .errors import BadConnection
from .model import Connection
from .settings import SHELF, TagSettings
from .store import Version

HIDDEN = "***"
"""Stands for a secret wherever settings are shown; saved unchanged it keeps the secret as it is."""


def without_secrets(connection: Connection) -> Connection:
    """The connection as it may be shown."""
    return replace(connection, raw=hidden(connection.connector, connection.raw))


def hidden(connector: str, raw: dict[str, Any]) -> dict[str, Any]:
    """Settings with `***` for every secret."""
    shown: dict[str, Any] = _hide(raw, _top(connector))
    return shown


def with_secrets(new: Connection, old: Connection | None) -> Connection:
    """The connection with the secrets its `***` stand for; BadConnection names one that is not known."""
    return replace(new, raw=completed(new.connector, new.raw, old))


def completed(connector: str, raw: dict[str, Any], old: Connection | Version | None) -> dict[str, Any]:
    """Settings with the secrets their `***` stand for; BadConnection names one that is not known."""
    known, top = (old.raw if old is not None and old.connector == connector else None) or {}, _top(connector)
    whole: dict[str, Any] = _complete(raw, known, top, _At())
    return whole


# ---- what is a secret ----


class _Place(NamedTuple):
    """What is known of one place in settings: whether it is secret, and the class that declares what lies below."""

    secret: bool = False
    kind: type[BaseModel] | None = None
    top: bool = False

    def below(self, name: str) -> _Place:
        return _below(self, name)


@lru_cache(4096)
def _below(place: _Place, name: str) -> _Place:
    field = place.kind.model_fields.get(name) if place.kind is not None else None
    if field is None:
        return _Place(place.secret or names_secret(name), TagSettings if place.top and name == "tags" else None)
    types = list(types_in(field.annotation))
    secret = Secret in types or (str in types and names_secret(name))
    kind = next((t for t in types if isinstance(t, type) and issubclass(t, BaseModel)), None)
    return _Place(place.secret or secret, kind)


def _top(connector: str) -> _Place:
    try:
        return _Place(kind=SHELF.get(connector).load().CONNECTOR.Settings, top=True)
    except Invalid:  # of a connector that is not installed: names must do
        return _Place(top=True)


def _hide(value: Any, place: _Place) -> Any:
    if isinstance(value, dict):
        return {name: _hide(inside, place.below(name)) for name, inside in value.items()}
    if isinstance(value, list | tuple):
        return [_hide(item, place) for item in value]
    if place.secret and value not in {None, ""} and not isinstance(value, bool):
        return HIDDEN
    return without_passwords(value, HIDDEN) if isinstance(value, str) else value


# ---- what comes back ----


@dataclass(frozen=True, slots=True)
class _At:
    """A place while settings are walked: its name for sentences."""

    name: str = ""

    def refuse_unknown(self) -> NoReturn:
        raise BadConnection(
            f"{self.name} is {HIDDEN}, which stands for a secret that is not known here.", hint="Type it."
        )


def _complete(new: Any, old: Any, place: _Place, at: _At) -> Any:
    if not _starred(new):
        return new
    if isinstance(new, dict):
        known = old if isinstance(old, dict) else {}
        return {
            name: _complete(inside, known.get(name), place.below(name), _At(f"{at.name}.{name}".lstrip(".")))
            for name, inside in new.items()
        }
    if isinstance(new, list | tuple):
        pairs = zip(new, _partners(new, old, place), strict=True)
        return [_complete(one, was, place, replace(at, name=f"{at.name}[{i}]")) for i, (one, was) in enumerate(pairs)]
    if place.secret and new == HIDDEN:
        return _kept(old, at)
    return _with_logins(new, old, at) if f":{HIDDEN}@" in new else new


def _starred(value: Any) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    return any(map(_starred, value)) if isinstance(value, list | tuple) else isinstance(value, str) and HIDDEN in value


def _kept(old: Any, at: _At) -> Any:
    if old in (None, "", HIDDEN) or isinstance(old, dict | list):
        at.refuse_unknown()
    return old


def _with_logins(new: str, old: Any, at: _At) -> str:
    """An address, or several in one text, with their passwords put back."""
    known = [login["password"] for login in LOGIN.finditer(old)] if isinstance(old, str) else []
    given = [login["password"] for login in LOGIN.finditer(new)]
    if len(known) != len(given):
        at.refuse_unknown()
    passwords = iter(was if told == HIDDEN else told for told, was in zip(given, known, strict=True))
    return LOGIN.sub(lambda login: f"{login['user']}:{next(passwords)}@", new)


def _partners(new: list[Any] | tuple[Any, ...], old: Any, place: _Place) -> Iterator[Any]:
    """For each item what it was: the one that looks the same, or the one in its place when none came or went."""
    known = old if isinstance(old, list) else []
    looks: dict[str, list[Any]] = {}
    for item in known:
        looks.setdefault(_look(_hide(item, place)), []).append(item)
    for at, item in enumerate(new):
        alike = looks.get(_look(item), [])
        if len(alike) == 1:
            yield alike[0]
        else:
            yield known[at] if len(known) == len(new) else None


def _look(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
