"""The screens of a twin over a real catalogue and bus, and a pump that came as a file."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from nicegui import ui
from nicegui.elements.upload_files import SmallFileUpload
from nicegui.testing.user import User
from nicegui.testing.user_interaction import UserInteraction

import lineshaft.twins.pages
from lineshaft.console.actions import Button
from lineshaft.console.frame import Toast
from lineshaft.console.simulation import visitor
from lineshaft.kernel.db import Database
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Grant, Guard, Role, Who, WhoKind
from lineshaft.telemetry import Live
from lineshaft.twins import PassportDesk, Pictures, Projection, Receiving, Repository, Twins
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.settings import FileSettings
from lineshaft.twins.submodels import new_shell


def person(name: str, role: Role, tree: str = "acme") -> Who:
    return Who(id=name, name=name, kind=WhoKind.USER, grants=(Grant(role=role, subtree=tree),), origin="test")


ADA = person("ada", Role.ENGINEER)
LIN = person("lin", Role.ENGINEER)
EVE = person("eve", Role.VIEWER)
HALL = PlantPath("acme/hall")
PUMP = "urn:acme:shell:pump"
PUMP_ASSET = "https://acme.example/01/pump-7"
assert lineshaft.twins.pages  # importing it registers the screens

Visit = Callable[..., Any]


@pytest.fixture
def repository(db: Database, guard: Guard, live: Live) -> Repository:
    return Repository(db, guard, "acme", live=live)


@pytest.fixture
def projection(twins: Twins, repository: Repository) -> Projection:
    return Projection(twins, repository)


@pytest.fixture
def passports(repository: Repository) -> PassportDesk:
    return PassportDesk(repository)


@pytest.fixture
def visit(
    db: Database, twins: Twins, live: Live, guard: Guard, repository: Repository, passports: PassportDesk
) -> Visit:
    services = {"twins": twins, "live": live, "repository": repository, "passports": passports,
                "pictures": Pictures(db, guard, twins.now),
                "receiving": Receiving(repository, guard, FileSettings())}  # fmt: skip

    @asynccontextmanager
    async def opened(address: str, *, who: Who = ADA, **options: Any) -> AsyncIterator[User]:
        async with visitor(who=who, services=services, **options) as user:
            await user.open(address)
            yield user

    return opened


async def put(
    repository: Repository, *submodels: Mapping[str, Any], shell: str = PUMP, asset: str = PUMP_ASSET
) -> None:
    """A shell in the hall with these submodels."""
    await repository.create(ADA, Kind.SHELL, new_shell(shell, asset, submodels=map(dict, submodels)), place=HALL)
    for one in submodels:
        await repository.create(ADA, Kind.SUBMODEL, dict(one), place=HALL)


def parts(user: User, kind: type[Any]) -> list[Any]:
    return [e for e in user.client.elements.values() if isinstance(e, kind)]


async def part(user: User, kind: type[Any], label: str) -> Any:
    """The table or tree of that name, once it is drawn; the newest when it was drawn again."""
    await until(lambda: any(one.state["label"] == label for one in parts(user, kind)))
    return [one for one in parts(user, kind) if one.state["label"] == label][-1]


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.02)


async def eventually(true: Callable[[], Any]) -> None:
    """Wait for what a click sets going."""
    async with asyncio.timeout(10):
        while not await true():
            await asyncio.sleep(0.02)


def tell_browser(user: User, of: Any, event: str, args: Any) -> None:
    """What the browser sends when somebody does something with a part."""
    listener = next(one for one in of._event_listeners.values() if one.type == event)
    user.client.handle_event({"id": of.id, "listener_id": listener.id, "args": [json.dumps(args)]})


def press_entry(user: User, label: str) -> None:
    """Choose an entry of a menu."""
    with user.client:
        items = [e for e in parts(user, ui.menu_item) if label in [getattr(d, "text", "") for d in e.descendants()]]
        UserInteraction(user, {items[-1]}, None).click()


def undo(user: User) -> None:
    """Press what the newest message offers."""
    tell_browser(user, parts(user, Toast)[-1], "act", None)


def labels(user: User) -> list[str]:
    """What can be pressed."""
    return [one.label for one in parts(user, Button)]


async def drop(user: User, name: str, content: bytes) -> None:
    """Drop a file on the newest place for files."""
    place = parts(user, ui.upload)[-1]
    with user.client:
        await place.handle_uploads([SmallFileUpload(name=name, content_type="", _data=content)])


def field(user: User, name: str) -> Any:
    """The field of the form drawn last."""
    return [e for e in user.client.elements.values() if f"field-{name}" in e._markers][-1]
