"""Described interfaces of twins over HTTP: what connecting a twin to its machine would make, and doing it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict

from lineshaft.kernel.http import caller
from lineshaft.security import Who
from lineshaft.twins.metamodel.kinds import Json
from lineshaft.twins.service.interfacing import Interfacing
from lineshaft.twins.submodels.interfaces import LeftOut

Caller = Annotated[Who, Depends(caller)]


class LeftOutOut(BaseModel):
    """A value, an action, an event or an interface that makes nothing, and why."""

    name: str
    reason: str

    @classmethod
    def of(cls, one: LeftOut) -> LeftOutOut:
        return cls(name=one.name, reason=one.reason)


class ConnectionOut(BaseModel):
    """A connection as it would stand in the configuration."""

    interface: str
    connector: str
    settings: dict[str, Any]


class OfferOut(BaseModel):
    """What connecting would make."""

    path: str
    connections: list[ConnectionOut]
    operations: list[Json]
    left_out: list[LeftOutOut]


class ConnectBody(BaseModel):
    """A twin and the submodel that describes its interfaces, by their ids; `path` is where values go."""

    model_config = ConfigDict(extra="forbid")

    shell: str
    submodel: str
    path: str = ""


class ConnectedOut(BaseModel):
    """The connections that were made, the submodel with the operations, and what was left out."""

    connections: list[str]
    operations: str
    left_out: list[LeftOutOut]


def router(interfacing: Interfacing) -> APIRouter:
    """The routes of described interfaces, below /api/v1."""
    api = APIRouter(prefix="/twins/interfaces", tags=["twins"])

    @api.get("")
    async def offer(who: Caller, shell: str, submodel: str, path: str = "") -> OfferOut:
        """What connecting a twin by a description of its interfaces would make; nothing is done."""
        found = await interfacing.offer(who, shell, submodel, path=path)
        return OfferOut(
            path=str(found.path),
            connections=[
                ConnectionOut(interface=one.interface, connector=one.connector, settings=one.settings)
                for one in found.connections
            ],
            operations=list(found.operations),
            left_out=[LeftOutOut.of(one) for one in found.left_out],
        )

    @api.post("", status_code=201)
    async def connect(who: Caller, body: ConnectBody) -> ConnectedOut:
        """Connect a twin to its machine: connections, and an operation for each action. All of it, or nothing."""
        made = await interfacing.connect(who, body.shell, body.submodel, path=body.path)
        return ConnectedOut(
            connections=list(made.connections),
            operations=made.operations,
            left_out=[LeftOutOut.of(one) for one in made.left_out],
        )

    return api
