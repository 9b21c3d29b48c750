"""Tokens and MQTT devices over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from lineshaft.kernel.http import Slice, caller, pack_cursor
from lineshaft.security.model import NewDevice, Who
from lineshaft.security.service import Devices, Security, Tokens

from .shapes import (
    DeviceBody,
    DeviceShape,
    NewDeviceBody,
    NewDeviceShape,
    NewTokenBody,
    NewTokenShape,
    TokenShape,
    grants_of,
    key_in,
)

Caller = Annotated[Who, Depends(caller)]
Limit = Annotated[int, Query(ge=1, le=1000)]


def router(security: Security) -> APIRouter:
    """Make, list and revoke keys."""
    api = APIRouter()
    _tokens(api, security.tokens)
    _devices(api, security.devices)
    return api


def _tokens(api: APIRouter, tokens: Tokens) -> None:
    @api.get("/tokens")
    async def list_tokens(who: Caller, cursor: str = "", limit: Limit = 100) -> Slice[TokenShape]:
        """Your tokens, and those of people you administer."""
        found = await tokens.list_(who, after=key_in(cursor), limit=limit)
        more = pack_cursor(found[-1].id) if len(found) == limit else None
        return Slice(items=[TokenShape.of(token) for token in found], next=more)

    @api.post("/tokens", status_code=201)
    async def create_token(body: NewTokenBody, who: Caller, response: Response) -> NewTokenShape:
        """Make a token with at most your own grants; `secret` is shown this once."""
        made = await tokens.create(who, name=body.name, grants=grants_of(body.grants), ends_at=body.ends_at)
        response.headers["cache-control"] = "no-store"
        return NewTokenShape(**TokenShape.of(made.token).model_dump(), secret=made.secret)

    @api.delete("/tokens/{token_id}", status_code=204)
    async def revoke_token(token_id: str, who: Caller) -> None:
        """End a token at once."""
        await tokens.revoke(who, token_id)


def _devices(api: APIRouter, devices: Devices) -> None:
    @api.get("/devices")
    async def list_devices(who: Caller, cursor: str = "", limit: Limit = 100) -> Slice[DeviceShape]:
        """MQTT devices you administer, by name."""
        found = await devices.list_(who, after=key_in(cursor), limit=limit)
        more = pack_cursor(found[-1].name) if len(found) == limit else None
        return Slice(items=[DeviceShape.of(device) for device in found], next=more)

    @api.post("/devices", status_code=201)
    async def create_device(body: NewDeviceBody, who: Caller, response: Response) -> NewDeviceShape:
        """Make credentials for a device; the password is shown this once."""
        made = await devices.create(who, name=body.name, path=body.path, publish=body.publish, subscribe=body.subscribe)
        return _shown_once(made, response)

    @api.get("/devices/{device_id}")
    async def get_device(device_id: str, who: Caller) -> DeviceShape:
        """One device."""
        return DeviceShape.of(await devices.get(who, device_id))

    @api.patch("/devices/{device_id}")
    async def change_device(device_id: str, body: DeviceBody, who: Caller) -> DeviceShape:
        """Give a device other topics."""
        changed = await devices.change(who, device_id, publish=body.publish, subscribe=body.subscribe)
        return DeviceShape.of(changed)

    @api.post("/devices/{device_id}/rotate")
    async def rotate_device(device_id: str, who: Caller, response: Response) -> NewDeviceShape:
        """Replace the password; it is shown this once."""
        return _shown_once(await devices.rotate(who, device_id), response)

    @api.delete("/devices/{device_id}", status_code=204)
    async def revoke_device(device_id: str, who: Caller) -> None:
        """Cut a device off for good."""
        await devices.revoke(who, device_id)


def _shown_once(made: NewDevice, response: Response) -> NewDeviceShape:
    response.headers["cache-control"] = "no-store"
    return NewDeviceShape(**DeviceShape.of(made.device).model_dump(), password=made.password)
