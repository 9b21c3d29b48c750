"""What people and other contexts may ask of the edge: connections, browsing, testing, writing.

The service decides and records; the machine's session is held by an edge box, which is asked over the bus.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from lineshaft.kernel.bus import Bus, Message
from lineshaft.kernel.db import Transaction
from lineshaft.kernel.errors import Unavailable
from lineshaft.kernel.log import get_log
from lineshaft.kernel.terms import PlantPath, Value
from lineshaft.kernel.wire import decode, encode
from lineshaft.security import Guard, Role, Who

from .commands import Commands, WriteCheck
from .connectors import ConnectorSettings, Node, Tag
from .errors import BadConnection, NoConnection, NoTag
from .heard import Heard
from .limits import writable
from .model import BoxReport, CallResult, Connection, Health, Seen, State, WriteResult
from .secrecy import completed, hidden, veiled
from .settings import SHELF, BadSettings, Built, EdgeSettings, build, find_tag, method_paths, tag_paths
from .store import ConnectionStore, Version, as_stored

log = get_log("edge")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionView:
    """A connection as shown: what is configured and how it is."""

    connection: Connection
    health: Health


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorInfo:
    """A connector on the shelf."""

    name: str
    title: str
    summary: str
    tier: str
    sample: str
    abilities: tuple[str, ...] = ()
    """Of browse, write, subscribe, discover; told by the manifest."""


class Edge:
    """The connections of a plant."""

    def __init__(
        self, settings: EdgeSettings, *, organisation: str, store: ConnectionStore, guard: Guard, bus: Bus | None
    ) -> None:
        self._edge = settings.name
        self._organisation = organisation
        self._store = store
        self._guard = guard
        self._bus = bus
        self._commands = Commands(guard, self, store.db)
        self._boxes: dict[str, Heard] = {}
        self._veiled: dict[str, tuple[int, dict[str, Any]]] = {}

    @classmethod
    def offline(cls, settings: EdgeSettings, *, organisation: str, store: ConnectionStore, guard: Guard) -> Edge:
        """For commands beside a running platform: configuration only, no machine can be asked."""
        return cls(settings, organisation=organisation, store=store, guard=guard, bus=None)

    async def declare(self, who: Who, wanted: Sequence[Connection]) -> int:
        """Take over what plant.toml declares where the file is newer than the catalogue; returns how many changed.

        A connection changed in the console stays as it is until its lines in the file change as well.
        """
        changed = 0
        for new in wanted:
            said = [v for v in await self._store.versions(new.name) if v.origin == "file"]
            try:
                if said and _says(said[0], new):
                    continue
                await self.save(who, new.connector, new.raw, origin="file")
                changed += 1
            except BadConnection as error:
                log.error("a connection of the file is left out", connection=new.name, error=str(error))
        return changed

    def health(self) -> list[Health]:
        """What the boxes last told of every connection; for metrics, which know no viewer."""
        return [health for box in self._boxes.values() for health in box.told()]

    @property
    def blocked(self) -> str:
        """Why samples wait at an edge box; empty when they flow."""
        return next((box.report.blocked for box in self._boxes.values() if box.lately and box.report.blocked), "")

    async def listen(self) -> None:
        """Keep the latest health reports of the boxes; called once at start."""
        if self._bus is not None:
            await self._bus.listen("lineshaft.edge.*.health", self._heard)

    # ---- looking ----

    def shelf(self, who: Who) -> list[ConnectorInfo]:
        """Every connector that can be used."""
        del who
        return [
            ConnectorInfo(
                name=p.name,
                title=p.title,
                summary=str(p.manifest.get("summary", "")),
                tier=p.tier,
                abilities=tuple(p.manifest.get("abilities", ())),
                sample=p.read("sample.toml") if p.has("sample.toml") else "",
            )
            for p in SHELF.plugins.values()
        ]

    def settings_of(self, connector: str) -> type[ConnectorSettings]:
        """What a connector's connections may set; forms are drawn from it."""
        kind: type[ConnectorSettings] = SHELF.get(connector).load().CONNECTOR.Settings
        return kind

    async def list_(self, who: Who) -> list[ConnectionView]:
        """The connections whose place the caller may see, with their health."""
        seen = [c for c in await self._store.all() if self._guard.allowed(who, Role.VIEWER, c.path)]
        return [self._view(who, c) for c in seen]

    async def get(self, who: Who, name: str) -> ConnectionView:
        """One connection; NoConnection when there is none or it may not be seen."""
        return self._view(who, await self._find(who, name))

    async def versions(self, who: Who, name: str) -> Sequence[Version]:
        """Everything this connection ever was, newest first; for engineers, because settings may tell much."""
        found = await self._store.versions(name)
        if not found:
            raise NoConnection(f"There never was a connection {name!r}.")
        await self._guard.require(who, Role.ENGINEER, _place(self._organisation, found), "edge.read")
        return [replace(v, raw=None if v.raw is None else hidden(v.connector, v.raw)) for v in found]

    async def export(self, who: Who) -> list[Connection]:
        """Every connection as it is, secrets included; for administrators of the whole organisation."""
        await self._guard.require(who, Role.ADMIN, self._organisation, "edge.export")
        return await self._store.all()

    # ---- trying, before anything is saved ----

    def built(self, connector: str, raw: dict[str, Any]) -> Built:
        """Check settings without touching anything; BadConnection carries every complaint."""
        try:
            return build(connector, raw, organisation=self._organisation)
        except BadSettings as error:
            raise BadConnection(error.message, fields=error.fields) from error

    async def test(self, who: Who, connector: str, raw: dict[str, Any]) -> list[Seen]:
        """Open the machine, look at its values, let go again; nothing is stored.

        `***` stands for the secret of the saved connection of that name.
        """
        raw = await self._with_secrets(who, connector, raw, "edge.test")
        trial = self.built(connector, {"name": "test", **raw})
        await self._require_places(who, trial, "edge.test")
        question = {"verb": "test", "connector": connector, "raw": raw}
        return decode(await self.do(await self._home(raw), question, within_s=25), list[Seen])

    async def browse(
        self, who: Who, address: str = "", *, name: str = "", connector: str = "", raw: dict[str, Any] | None = None
    ) -> list[Node]:
        """What lies below an address, of a running connection (`name`) or of settings not saved yet."""
        raw = await self._with_secrets(who, connector, raw or {}, "edge.browse")
        if name:
            path = (await self._find(who, name)).path
        else:
            path = self.built(connector, {"name": "test", **raw}).connection.path
        await self._guard.require(who, Role.ENGINEER, path, "edge.browse")
        home = await self._home({"name": name} if name else raw)
        question = {"verb": "browse", "name": name, "connector": connector, "raw": raw, "address": address}
        return decode(await self.do(home, question, within_s=30), list[Node])

    # ---- changing ----

    async def save(
        self,
        who: Who,
        connector: str,
        raw: dict[str, Any],
        *,
        expected: int | None = None,
        origin: str = "console",
        edge: str = "",
    ) -> Connection:
        """Add or change a connection; its edge box takes it up at once, the others are not touched.

        `expected` is the version the caller saw (0: it must be new); Changed when somebody was faster.
        `edge` is the box for settings that name none; by default the one it has, or else ours.
        """
        old = await self._store.find(str(raw.get("name", "")))
        if old is not None:
            await self._guard.require(who, Role.ENGINEER, old.path, "edge.save")
        built = self.built(connector, completed(connector, raw, old))
        await self._require_places(who, built, "edge.save")
        await self._require_own(built)
        home = built.connection.edge or edge or (old.edge if old else "") or self._edge
        new = replace(built.connection, origin=origin, edge=home)
        async with self._store.db.begin() as tx:
            saved = await self._store.put(tx, new, by=who.name, expected=expected)
            await self._record(who, "edge.save", new.name, old, saved, tx)
        return saved

    async def remove(self, who: Who, name: str) -> None:
        """Remove a connection; `restore` brings it back."""
        old = await self._find(who, name)
        await self._guard.require(who, Role.ENGINEER, old.path, "edge.remove")
        async with self._store.db.begin() as tx:
            await self._store.remove(tx, old, by=who.name)
            await self._record(who, "edge.remove", name, old, None, tx)

    async def enable(self, who: Who, name: str, *, on: bool) -> Connection:
        """Switch a connection on or off without changing anything else."""
        old = await self._find(who, name)
        return await self.save(who, old.connector, {**old.raw, "enabled": on}, expected=old.version)

    async def restore(self, who: Who, name: str, version: int) -> Connection:
        """Make an earlier version the current one again; also undoes a removal."""
        await self.versions(who, name)
        for old in await self._store.versions(name):
            if old.version == version and old.raw is not None:
                return await self.save(who, old.connector, old.raw, edge=old.edge)
        raise NoConnection(f"The connection {name!r} has no version {version} to go back to.")

    # ---- at work ----

    async def read(self, who: Who, path: str, *, within_s: float = 2.0) -> Seen:
        """Ask the machine for a value now; Timeout when it is silent, CannotAsk when it only tells by itself."""
        return await self._commands.read(who, path, within_s=within_s)

    async def write(self, who: Who, path: str, value: Value) -> WriteResult:
        """Set a value on the machine and read it back; refused outside the tag's range or without the role."""
        return await self._commands.write(who, path, value)

    async def call(self, who: Who, path: str, *arguments: Value) -> CallResult:
        """Call a method that a connection names, such as one of OPC UA."""
        return await self._commands.call(who, path, arguments)

    async def check_call(self, who: Who, path: str) -> None:
        """Raise what would keep a method from being called, as far as that is known without asking the machine."""
        await self._commands.check_call(who, path)

    async def check_write(self, who: Who, path: str, value: Value) -> None:
        """Raise what would keep a value from being written, as far as that is known without asking the machine."""
        await self._commands.check(who, path, value)

    def before_writing(self, check: WriteCheck) -> None:
        """Let somebody look at every value before it is written, whichever way it is asked for."""
        self._commands.checks.append(check)

    # ---- inside ----

    async def _require_own(self, built: Built) -> None:
        """One path has one source: no other connection may hold a tag of this one."""
        wanted = {tag.path for tag in built.tags}
        for other in await self._store.all():
            if other.name != built.connection.name and (twice := wanted & tag_paths(other)):
                raise BadConnection(
                    f"The path {min(twice)} belongs to the connection {other.name!r} already.", hint="Choose another."
                )

    async def _require_places(self, who: Who, built: Built, action: str) -> None:
        """An engineer at the connection's place and wherever its tags reach beyond it."""
        root = built.connection.path
        await self._guard.require(who, Role.ENGINEER, root, action)
        for tag in built.tags:
            if not tag.path.within(root):
                await self._guard.require(who, Role.ENGINEER, tag.path, action)

    async def _with_secrets(self, who: Who, connector: str, raw: dict[str, Any], action: str) -> dict[str, Any]:
        """Settings about to be tried, with the secrets of the saved connection they are a change of."""
        if not veiled(connector, raw):
            return raw
        old = await self._seen(who, str(raw.get("name", "")))
        if old is not None:
            await self._guard.require(who, Role.ENGINEER, old.path, action)
        return completed(connector, raw, old)

    async def _find(self, who: Who, name: str) -> Connection:
        found = await self._seen(who, name)
        if found is None:
            raise NoConnection(f"There is no connection {name!r}.", hint="Look at the list of connections.")
        return found

    async def _seen(self, who: Who, name: str) -> Connection | None:
        """The connection; None as well for who may not see it, and so is not told that it is there."""
        found = await self._store.find(name)
        if found is not None and not self._guard.allowed(who, Role.VIEWER, found.path):
            await self._guard.deny(who, "edge.read", found.path, subject=name)
            return None
        return found

    def _view(self, who: Who, connection: Connection) -> ConnectionView:
        raw = self._shown(connection)
        if not self._guard.allowed(who, Role.ENGINEER, connection.path):
            raw = {k: v for k, v in raw.items() if k in {"name", "path", "tags"}}
        connection = replace(connection, raw=raw)
        return ConnectionView(connection=connection, health=self._health(connection))

    def _health(self, connection: Connection) -> Health:
        """What its box last told of it, or why nothing is known."""
        box = self._boxes.get(connection.edge)
        unknown = Health(connection=connection.name, connector=connection.connector)
        health = box.health.get(connection.name, unknown) if box else unknown
        if box is None or not box.lately:
            known = ", ".join(sorted(name for name, other in self._boxes.items() if other.lately))
            return replace(
                health,
                state=State.UNKNOWN,
                error=f"The edge box {connection.edge!r} has not reported for some time.",
                hint=f"Start it, or give the connection another `edge`; these report: {known or 'none'}.",
            )
        if box.report.rival and not health.error:
            return replace(
                health,
                error=f"Two edge boxes are called {connection.edge!r}; both run this connection.",
                hint="Give each box a name of its own: `name` in [edge].",
            )
        return health

    def _shown(self, connection: Connection) -> dict[str, Any]:
        """Its settings without secrets; remembered, because screens look every second and tags may be many."""
        version, raw = self._veiled.get(connection.name, (0, {}))
        if version != connection.version:
            raw = hidden(connection.connector, connection.raw)
            self._veiled[connection.name] = connection.version, raw
        return raw

    async def _heard(self, message: Message) -> None:
        report = decode(message.data, BoxReport)
        self._boxes[report.edge] = Heard(report)

    async def _home(self, raw: dict[str, Any]) -> str:
        """The box that runs, or would run, a connection."""
        old = await self._store.find(str(raw.get("name", "")))
        return str(raw.get("edge", "")) or (old.edge if old else "") or self._edge

    async def reader(self, path: str) -> str:
        """The box that reads a tag."""
        homes = (c.edge for c in await self._store.all() if path in tag_paths(c))
        return next(homes, "") or self._edge

    async def tag(self, path: str) -> Tag:
        """The tag at a path, when it may be written; NoTag when no connection holds it."""
        for connection in await self._store.all():
            if path in tag_paths(connection):
                return writable(find_tag(connection, path))
        raise NoTag(f"No connection holds {path}.")

    async def caller(self, path: str) -> str:
        """The box that calls a method; NoTag when no connection names it."""
        for connection in await self._store.all():
            if path in method_paths(connection):
                return connection.edge or self._edge
        raise NoTag(f"No connection has a method at {path}.", hint="Name it in the connection's `methods`.")

    async def do(self, edge: str, question: dict[str, Any], *, within_s: float) -> bytes:
        """Ask a box, whoever may: the methods above see to that."""
        if self._bus is None:
            raise Unavailable("No machine can be asked from here.", hint="Do it in the console, or with the API.")
        return await self._bus.ask(f"lineshaft.edge.{edge}.do", encode(question), within_s=within_s)

    async def _record(
        self, who: Who, action: str, name: str, old: Connection | None, new: Connection | None, tx: Transaction
    ) -> None:
        before, after = (None if c is None else _audited(c) for c in (old, new))
        concerned = new or old
        place = concerned.path if concerned else self._organisation
        await self._guard.record(who, action, name, before=before, after=after, path=place, tx=tx)


def _audited(connection: Connection) -> dict[str, Any]:
    return {"connector": connection.connector, **hidden(connection.connector, connection.raw)}


def _says(version: Version, new: Connection) -> bool:
    """Whether a version is what a file still says."""
    raw = as_stored(completed(new.connector, new.raw, version))
    return (version.connector, version.raw) == (new.connector, raw)


def _place(organisation: str, versions: Sequence[Version]) -> PlantPath:
    for version in versions:
        if version.raw is not None:
            return build(version.connector, version.raw, organisation=organisation).connection.path
    return PlantPath(organisation)
