"""Serves any named columns as a machine, so that a recording can be replayed over OPC UA."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Self

from asyncua import ua

from lineshaft.kernel.clock import from_us
from lineshaft.kernel.terms import Kind, Value

from .serving import DeviceServer, Limits, Security, describe, folders

_TYPES: dict[Kind, tuple[ua.VariantType, Value]] = {
    Kind.NUMBER: (ua.VariantType.Double, 0.0),
    Kind.INTEGER: (ua.VariantType.Int64, 0),
    Kind.BOOLEAN: (ua.VariantType.Boolean, False),
    Kind.TEXT: (ua.VariantType.String, ""),
    Kind.ENUM: (ua.VariantType.String, ""),
}


class ReplayServer:
    """A machine whose values are set from outside: `await server.set({"flow": 12.5}, ts)`."""

    def __init__(
        self,
        names: Sequence[str],
        units: Mapping[str, str] | None = None,
        *,
        kinds: Mapping[str, Kind] | None = None,
        machine: str = "Replay",
        uri: str = "urn:lineshaft:replay",
        security: Security | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.names = tuple(names)
        self._units, self._kinds, self._machine = units or {}, kinds or {}, machine
        self.addresses: dict[str, str] = {}
        """The tag address of each column, once started."""
        self.device = DeviceServer(uri, name="Lineshaft replay", security=security, limits=limits)

    @property
    def url(self) -> str:
        return self.device.url

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 takes a free one, which `url` then names. Values are bad until they are set."""
        objects = await self.device.prepare(host, port)
        machine = await objects.add_folder(self.device.index, self._machine)
        for folder, name in await folders(machine, self.device.index, self.names):
            kind, value = _TYPES[self._kinds.get(name, Kind.NUMBER)]
            node = await self.device.add(folder, name, name, value, kind=kind)
            await describe(node, unit=self._units.get(name, ""))
            self.addresses[name] = self.device.address(name)
        await self._blank()
        await self.device.open()

    async def set(self, values: Mapping[str, Value], ts: datetime | int | None = None) -> None:
        """Set some columns, with their source time (aware, or microseconds since 1970 UTC; None is now)."""
        moment = from_us(ts) if isinstance(ts, int) else ts
        await self.device.set({name: self._typed(name, value) for name, value in values.items()}, moment)

    async def stop(self) -> None:
        await self.device.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _typed(self, name: str, value: Value) -> Any:
        kind = self._kinds.get(name, Kind.NUMBER)
        if kind is Kind.NUMBER:
            return float(value)
        if kind is Kind.INTEGER:
            return int(value)
        return bool(value) if kind is Kind.BOOLEAN else str(value)

    async def _blank(self) -> None:
        empty = {name: _TYPES[self._kinds.get(name, Kind.NUMBER)][1] for name in self.names}
        await self.device.set(empty, status=ua.StatusCodes.BadWaitingForInitialData)
