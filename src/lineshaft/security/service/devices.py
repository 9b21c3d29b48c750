"""Gives MQTT devices their credentials, and has the bus let in exactly those."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from lineshaft.kernel.bus import MqttUser, hash_password
from lineshaft.kernel.clock import now
from lineshaft.kernel.db import Database, Transaction
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.ids import new_id
from lineshaft.kernel.tasks import in_thread
from lineshaft.kernel.terms import PlantPath
from lineshaft.security.errors import DeviceNotFound
from lineshaft.security.events import DeviceChanged
from lineshaft.security.model import Device, NewDevice, Role, Who
from lineshaft.security.store import keys

from .guard import Guard, administered
from .standings import new_secret
from .topics import checked_topics, outside

Admit = Callable[[Sequence[MqttUser]], Awaitable[None]]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_RESERVED = frozenset({"lineshaft", "sys"})


class Devices:
    """MQTT devices: who may connect, and to which topics.

    `admit` makes the running MQTT server let in exactly these and cut off everybody else; a process that
    has no such server passes none, and the one that has hears of changes through DeviceChanged.
    """

    def __init__(
        self, db: Database, guard: Guard, admit: Admit | None = None, *, server: str = "127.0.0.1:1883"
    ) -> None:
        self.server = server
        """Host and port devices connect to, for what is shown to people."""
        self._db = db
        self._guard = guard
        self._admit = admit
        self._applying = asyncio.Lock()

    async def create(
        self, who: Who, *, name: str, path: str, publish: Sequence[str] | None = None, subscribe: Sequence[str] = ()
    ) -> NewDevice:
        """Make credentials for a device; without `publish` it may publish everything below its own path."""
        place = str(PlantPath.parse(path))
        await self._guard.require(who, Role.ADMIN, place, "security.device.create")
        if not _NAME.fullmatch(name) or name.lower() in _RESERVED:
            raise Invalid(f"{name!r} cannot be a device name.", hint="Use up to 64 letters, digits and . _ -.")
        device = Device(
            id=new_id(),
            name=name,
            path=place,
            publish=checked_topics((f"{place}/#",) if publish is None else publish),
            subscribe=checked_topics(subscribe),
            created_at=now(),
            rotated_at=None,
            revoked_at=None,
        )
        await self._reaches_only_own(who, device, "security.device.create")
        password, hashed = await _fresh_password()
        async with self._db.begin() as tx:
            await keys.add_device(tx, device, hashed)
            await self._note(tx, who, device, "create", before=None)
        await self.apply()
        return NewDevice(device=device, password=password)

    async def list_(self, who: Who, *, after: str = "", limit: int = 100) -> list[Device]:
        """Devices of the subtrees somebody administers, by name, those after `after`."""
        trees = administered(await self._guard.current(who))
        if not trees:
            await self._guard.require(who, Role.ADMIN, "", "security.device.read")
        async with self._db.read() as tx:
            return await keys.devices(tx, trees=trees, after=after, limit=limit)

    async def get(self, who: Who, device_id: str) -> Device:
        """One device."""
        return await self._find(who, device_id, "security.device.read")

    async def change(
        self, who: Who, device_id: str, *, publish: Sequence[str] | None = None, subscribe: Sequence[str] | None = None
    ) -> Device:
        """Give a device other topics; it is disconnected and may come back with the new ones."""
        old = await self._find(who, device_id, "security.device.change")
        new = replace(
            old,
            publish=old.publish if publish is None else checked_topics(publish),
            subscribe=old.subscribe if subscribe is None else checked_topics(subscribe),
        )
        await self._reaches_only_own(who, new, "security.device.change")
        return await self._save(who, old, new, "change")

    async def rotate(self, who: Who, device_id: str) -> NewDevice:
        """Replace the password; whoever uses the old one is disconnected."""
        old = await self._find(who, device_id, "security.device.rotate")
        password, hashed = await _fresh_password()
        device = await self._save(who, old, replace(old, rotated_at=now()), "rotate", password_hash=hashed)
        return NewDevice(device=device, password=password)

    async def revoke(self, who: Who, device_id: str) -> None:
        """Cut a device off and never let it in again."""
        old = await self._find(who, device_id, "security.device.revoke")
        await self._save(who, old, replace(old, revoked_at=now()), "revoke")

    async def apply(self) -> None:
        """Have the MQTT server let in exactly the devices of the catalogue; called after changes and at start."""
        if self._admit is None:
            return
        async with self._applying:  # so that an older list never overtakes a newer one
            async with self._db.read() as tx:
                found = await keys.admitted(tx)
            await self._admit([_mqtt_user(device, hashed) for device, hashed in found])

    async def _find(self, who: Who, device_id: str, action: str) -> Device:
        async with self._db.read() as tx:
            device = await keys.find_device(tx, device_id)
        if device is None or device.revoked_at is not None:
            raise DeviceNotFound(f"There is no device {device_id!r}.", hint="See the list under Settings, Devices.")
        await self._guard.require(who, Role.ADMIN, device.path, action)
        return device

    async def _reaches_only_own(self, who: Who, device: Device, action: str) -> None:
        """Topics beyond the device's organisation are granted by administrators of the whole platform."""
        organisation = PlantPath(device.path).organisation
        if outside((*device.publish, *device.subscribe), organisation) is not None:
            await self._guard.require(who, Role.ADMIN, "", action)

    async def _save(self, who: Who, old: Device, new: Device, change: str, *, password_hash: str = "") -> Device:
        async with self._db.begin() as tx:
            await keys.save_device(tx, new)
            if password_hash:
                await keys.set_device_password(tx, new.id, password_hash)
            await self._note(tx, who, new, change, before=old)
        await self.apply()
        return new

    async def _note(self, tx: Transaction, who: Who, device: Device, change: str, *, before: Device | None) -> None:
        await self._guard.record(
            who,
            f"security.device.{change}",
            f"device:{device.name}",
            before=_shown(before) if before else None,
            after=_shown(device),
            path=device.path,
            tx=tx,
        )
        await tx.announce(DeviceChanged(device=device.id, change=change))


async def _fresh_password() -> tuple[str, str]:
    """A random password and its hash."""
    password = new_secret()
    return password, await in_thread(hash_password, password)


def _mqtt_user(device: Device, hashed: str) -> MqttUser:
    return MqttUser(name=device.name, password_hash=hashed, publish=device.publish, subscribe=device.subscribe)


def _shown(device: Device) -> dict[str, Any]:
    return {
        "path": device.path,
        "publish": device.publish,
        "subscribe": device.subscribe,
        "rotated_at": device.rotated_at,
        "revoked_at": device.revoked_at,
    }
