"""The shelf of connectors, and the contract every one of them fulfils.

One folder is one connector. The author writes how to talk to the machine; the runner owns the
schedule, time-outs, back-off with jitter, deadbands, batching, buffering, quality and health, and
says "lost" and "back" once each.

    <name>/
    ├── __init__.py     door: exports CONNECTOR, the class
    ├── connector.py    connect · read · (subscribe) · (write) · (browse) · close
    ├── fake.py         a device to talk to without hardware, real protocol on a real socket
    ├── manifest.toml   title, summary, tier, extra, licence: read without importing
    ├── sample.toml     a working configuration, printed by `lineshaft sample NAME`, tested
    └── README.md       what it talks to, how addresses are written, limits

Life of a connector: made with settings and tags (no I/O) → `check` → `connect` → `plan` per poll
group, then `read` on schedule, or `subscribe` once → `close`, which is safe at any moment and twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from lineshaft.kernel.bus import Front
from lineshaft.kernel.terms import Kind, PlantPath, Quality, Value

__all__ = ["Connector", "ConnectorSettings", "Host", "Node", "Problem", "Readings", "Sink", "Tag", "place_below"]


def place_below(root: str, path: str) -> str:
    """Where something of a connection stands: below the connection, or anywhere when written with a leading '/'."""
    return path[1:] if path.startswith("/") else f"{root}/{path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """One value on a machine and its place in the plant.

    `address` follows the connector's own grammar. Numbers reach the platform as
    `raw * scale + offset` in `unit` (UCUM); the connector applies this, and its inverse on writes.
    """

    path: PlantPath
    address: str
    kind: Kind = Kind.NUMBER
    unit: str = ""
    scale: float = 1.0
    offset: float = 0.0
    deadband: float = 0.0
    """Absolute change, in `unit`, below which a value is not reported; 0 reports every change."""
    every: timedelta = timedelta(seconds=1)
    """How often to poll; subscriptions use it as sampling interval."""
    writable: bool = False
    low: float | None = None
    high: float | None = None
    """Writes outside low..high are refused."""
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """Values in columns, all the same length; nothing on the hot path handles one value at a time.

    `paths` is a list the connector owns and may keep appending to; `index` points into it.
    `ts` is the source time in microseconds since 1970 UTC. `number` is NaN where the value is text
    or absent. `text` is None when no row has one. `units` says the units of some paths, as the machine
    declares them: once after connecting, and when they change, also without a row.
    """

    paths: Sequence[str]
    index: NDArray[np.int32]
    ts: NDArray[np.int64]
    number: NDArray[np.float64]
    quality: NDArray[np.uint8]
    text: Sequence[str | None] | None = None
    units: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.index)

    @classmethod
    def of(cls, paths: Sequence[str], values: Sequence[Value | None], ts_us: int) -> Readings:
        """One value per path at one time: the slow, convenient way for small connectors."""
        number = np.array([_number(v) for v in values], dtype=np.float64)
        text = [v if isinstance(v, str) else None for v in values]
        some_text = any(t is not None for t in text)
        missing = np.isnan(number) & np.array([t is None for t in text], dtype=bool)
        return cls(
            paths=paths,
            index=np.arange(len(values), dtype=np.int32),
            ts=np.full(len(values), ts_us, dtype=np.int64),
            number=number,
            quality=np.where(missing, int(Quality.BAD_NO_DATA), int(Quality.GOOD)).astype(np.uint8),
            text=text if some_text else None,
        )


def _number(value: Value | None) -> float:
    return float("nan") if value is None or isinstance(value, str) else float(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something wrong with one tag, found before or while reading; the others go on."""

    path: PlantPath
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What a machine offers at one place of its address space."""

    address: str
    name: str
    has_children: bool = False
    readable: bool = False
    writable: bool = False
    kind: Kind | None = None
    unit: str = ""
    value: Value | None = None
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What the edge box lends a connector: a folder for keys, the built-in MQTT front, its own name."""

    folder: Path = Path()
    edge: str = "edge"
    front: Front | None = None
    connection: str = ""
    """The connection's name, unique on this edge: names what a broker keeps for it."""
    trial: bool = False
    """Opened only to look, perhaps beside the running connection: take nothing over, leave no trace."""


class Sink(Protocol):
    """Where a subscription delivers."""

    async def put(self, readings: Readings) -> None:
        """Hand over readings; waits when the platform cannot keep up."""

    async def flush(self) -> None:
        """Return once everything put before is durable on the bus; what needs acknowledging may be."""

    def trouble(self, problem: Problem) -> None:
        """Name a bad tag or a bad message once; never raises."""


class ConnectorSettings(BaseModel):
    """What every connection may set; connectors subclass and add theirs."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    guards_secrets: ClassVar[frozenset[str]] = frozenset()
    """Settings that decide who could read a secret on its way, beside host, port, url and the like: when one
    changes, secrets are asked for again."""

    timeout_s: float = 5.0
    """How long one read, write or browse may take."""


S = TypeVar("S", bound=ConnectorSettings)


class Connector(Generic[S]):
    """Talks to one machine or broker. Subclass it, say what you can do, and write only that.

    Raise `Unavailable` when the link is down: the runner closes, backs off and connects again.
    A single bad tag is never raised; it is returned with a bad quality or named through `trouble`.
    """

    name: ClassVar[str]
    Settings: ClassVar[type[ConnectorSettings]] = ConnectorSettings
    subscribes: ClassVar[bool] = False
    """Whether values come by themselves (`subscribe`) instead of by polling (`read`)."""
    discovers: ClassVar[bool] = False
    """Whether paths come from the wire, so that a connection needs no tags."""
    asks: ClassVar[bool] = True
    """Whether a machine can be asked for a value now; behind a broker it tells by itself only."""
    affirms: ClassVar[bool] = False
    """Whether the first value of a tag after `connect` holds now, however long ago the machine says it was measured."""

    def __init__(self, settings: S, tags: Sequence[Tag], *, root: PlantPath) -> None:
        """No I/O here. `root` is the place below which discovered paths are put."""
        self.settings = settings
        self.tags = tuple(tags)
        self.root = root
        self.host = Host()
        """Replaced by the runner before `connect`."""
        self.paths: list[str] = [tag.path for tag in self.tags]

    def check(self) -> list[Problem]:
        """Problems that can be found without touching the network."""
        return []

    def problems(self) -> list[Problem]:
        """Tags that are bad right now, beyond their quality; asked after each poll and named once each."""
        return []

    async def connect(self) -> None:
        """Open the link, or raise Unavailable saying what does not answer and where."""

    def plan(self, tags: Sequence[Tag]) -> object:
        """Prepare how to read one poll group: grouped registers, node lists. Called once per group."""
        return tags

    async def read(self, plan: object) -> Readings:
        """Read one poll group now."""
        raise TypeError(f"{self.name} does not poll")

    async def subscribe(self, sink: Sink) -> None:
        """Deliver values until cancelled; raise Unavailable when the link is lost."""
        raise TypeError(f"{self.name} does not subscribe")

    async def write(self, tag: Tag, value: Value) -> None:
        """Set one value on the machine and return when the machine has taken it."""
        raise TypeError(f"{self.name} cannot write")

    @property
    def methods(self) -> frozenset[PlantPath]:
        """Where the methods stand that may be called; settings name them."""
        return frozenset()

    async def call(self, path: PlantPath, arguments: Sequence[Value]) -> list[Value | None]:
        """Call one of the `methods`, and return what it gives back."""
        raise TypeError(f"{self.name} has no methods")

    async def browse(self, address: str = "") -> list[Node]:
        """What lies below `address` in the machine; the empty address is the top."""
        raise TypeError(f"{self.name} cannot browse")

    async def close(self) -> None:
        """Let go of everything; safe when never connected, and twice."""

    async def forget(self) -> None:
        """The connection was removed for good: give up what others keep for it. Called after `close`."""
