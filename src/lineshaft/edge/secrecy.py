"""Secrets in the settings of connections: hidden wherever they are shown, kept when what was shown comes back.

A secret is what a connector declares as `Secret`, what is named like one, and the password in an address,
however deep it lies. It is shown as `***`. Coming back as `***` it stays as it is, but only while everything
that says where it goes stays as well: whoever may edit but not read it could have it sent to a machine
of their own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import NoneType
from typing import Any, NamedTuple, NoReturn

from pydantic import BaseModel

from lineshaft.kernel.config import Secret, types_in
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.secrecy import LOGIN, names_secret, snake, without_passwords

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
    """Settings with the secrets their `***` stand for; BadConnection names one that is not known or would leave."""
    known, top = (old.raw if old is not None and old.connector == connector else None) or {}, _top(connector)
    stays = _targets(raw, top) <= _targets(known, top)
    whole: dict[str, Any] = _complete(raw, known, top, _At(stays=stays))
    return whole


def veiled(connector: str, raw: dict[str, Any]) -> bool:
    """Whether there is a `***` in the settings that stands for a secret."""
    try:
        completed(connector, raw, None)
    except BadConnection:
        return True
    return False


# ---- what is a secret ----


_NEVER_SECRET = {bool, Path, NoneType}
"""What is declared as this and named like a secret is none: `plain_password`, the file `private_key`."""


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
    types = [told for told in types_in(field.annotation) if isinstance(told, type)]
    secret = Secret in types or (names_secret(name) and not set(types) <= _NEVER_SECRET)
    kind = next((told for told in types if issubclass(told, BaseModel)), None)
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


# ---- where secrets go ----

_LEADS = re.compile(
    r"(?:^|_)(?:hosts?|hostname|ip|port|ur[il]s?|endpoints?|brokers?|servers?|address(?:es)?|proxy|gateway)\d*(?:_|$)"
)
_ADDRESS = re.compile(r"[a-zA-Z][\w+.-]*://")


def _target(table: dict[str, Any], place: _Place) -> str:
    """What one table of settings says of where a connection leads, logins left out."""
    told = {n: v for n, v in table.items() if v not in (None, "") and _leads(n, v, place)}
    return LOGIN.sub("", _look(told)) if told else ""


def _leads(name: str, value: Any, place: _Place) -> bool:
    values = value if isinstance(value, list | tuple) else [value]
    if any(isinstance(one, dict) for one in values):
        return False  # a table, which tells for itself
    if any(isinstance(one, str) and _ADDRESS.match(one) for one in values):
        return True
    if place.top and (name == "edge" or name in getattr(place.kind, "guards_secrets", ())):
        return True  # the same address is another machine in the network of another box
    return place.kind is not TagSettings and _named_to_lead(name)


@lru_cache(4096)
def _named_to_lead(name: str) -> bool:
    return _LEADS.search(snake(name)) is not None


def _targets(value: Any, place: _Place) -> set[str]:
    """Everything settings say of where a connection leads, table by table."""
    if isinstance(value, list | tuple):
        return set().union(*(_targets(item, place) for item in value))
    if not isinstance(value, dict):
        return set()
    below = (_targets(inside, place.below(name)) for name, inside in value.items())
    return {_target(value, place)}.union(*below) - {""}


# ---- what comes back ----


@dataclass(frozen=True, slots=True)
class _At:
    """A place while settings are walked: its name for sentences, and whether it still leads where it led."""

    name: str = ""
    stays: bool = True

    def refuse_unknown(self) -> NoReturn:
        raise BadConnection(
            f"{self.name} is {HIDDEN}, which stands for a secret that is not known here.", hint="Type it."
        )

    def require(self) -> None:
        if not self.stays:
            raise BadConnection(
                f"{self.name} was given for another address and is not sent to this one.", hint="Type it again."
            )


def _complete(new: Any, old: Any, place: _Place, at: _At) -> Any:
    if not _starred(new):
        return new
    if isinstance(new, dict):
        known = old if isinstance(old, dict) else {}
        stays = at.stays and _target(new, place) == _target(known, place)
        return {
            name: _complete(inside, known.get(name), place.below(name), _At(f"{at.name}.{name}".lstrip("."), stays))
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
    at.require()
    return old


def _with_logins(new: str, old: Any, at: _At) -> str:
    """An address, or several in one text, with their passwords put back."""
    known = [login["password"] for login in LOGIN.finditer(old)] if isinstance(old, str) else []
    given = [login["password"] for login in LOGIN.finditer(new)]
    if len(known) != len(given):
        at.refuse_unknown()
    at.require()
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
