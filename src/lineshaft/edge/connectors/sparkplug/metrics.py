"""What births declare: metrics with their alias, type and row index; nodes and devices that hold them."""

from __future__ import annotations

from collections.abc import Sequence

from lineshaft.edge.broker import Troubles
from lineshaft.edge.connectors import Tag
from lineshaft.kernel.terms import Kind, PlantPath, Value

from .schema import DataType
from .settings import SparkplugSettings
from .topics import Address, parse_address

BD_SEQ = "bdSeq"
REBIRTH = "Node Control/Rebirth"
_CONTROL = ("Node Control/", "Device Control/")
_PLAIN = frozenset(
    {
        DataType.FLOAT,
        DataType.DOUBLE,
        DataType.BOOLEAN,
        DataType.UINT8,
        DataType.UINT16,
        DataType.UINT32,
        DataType.UINT64,
    }
)


class Metric:
    """One metric of a node or device, as its last birth declared it. `index` is -1 when it is not recorded."""

    __slots__ = ("address", "alias", "datatype", "index", "kind", "last", "plain", "stale_us", "unit")

    def __init__(self, address: Address, datatype: int, index: int, kind: Kind | None) -> None:
        self.address = address
        self.datatype = datatype
        self.index = index
        self.kind = kind
        """What its tag asks for, None without a tag."""
        self.plain = datatype in _PLAIN and kind not in {Kind.TEXT, Kind.ENUM}
        self.alias: int | None = None
        self.unit = ""
        self.last: Value | None = None
        self.stale_us = 0
        """When we marked it stale; 0 while it lives."""


def is_control(name: str) -> bool:
    """Whether a metric steers the session instead of telling about the machine."""
    return name == BD_SEQ or name.startswith(_CONTROL)


class Unit:
    """A node itself or one of its devices: what it declared and whether it is online."""

    __slots__ = ("born", "bucket", "by_alias", "by_name", "device", "online")

    def __init__(self, device: str, bucket: Bucket) -> None:
        self.device = device
        self.bucket = bucket
        self.born = False
        """Whether its aliases may be used."""
        self.online = False
        self.by_name: dict[str, Metric] = {}
        self.by_alias: dict[int, Metric] = {}


class Bucket:
    """Lets a burst through, then one a second."""

    __slots__ = ("_burst", "_level", "_seen")

    def __init__(self, burst: int) -> None:
        self._burst = float(burst)
        self._level = float(burst)
        self._seen = 0.0

    def take(self, now: float) -> bool:
        """Whether one more is allowed at this moment (seconds on any steady clock)."""
        self._level = min(self._burst, self._level + max(0.0, now - self._seen)) if self._seen else self._burst
        self._seen = now
        if self._level < 1.0:
            return False
        self._level -= 1.0
        return True


class Catalogue:
    """Gives metrics their place in the plant and their row index, bounded."""

    def __init__(
        self, settings: SparkplugSettings, tags: Sequence[Tag], root: PlantPath, paths: list[str], troubles: Troubles
    ) -> None:
        self.paths = paths
        self._root = root
        self._parts = settings.place.split("/")
        self._discover = settings.discover
        self._troubles = troubles
        self._most = len(paths) + settings.max_paths
        self._max_paths = settings.max_paths
        self._tags = {parse_address(tag.address): (i, tag.kind) for i, tag in enumerate(tags)}
        self._owners: dict[str, Address | None] = {str(path): None for path in paths}
        self._indexes: dict[Address, int] = {}

    def metric(self, address: Address, datatype: int) -> Metric:
        """A new metric at an address."""
        tagged = self._tags.get(address)
        if tagged is not None:
            return Metric(address, datatype, *tagged)
        if is_control(address.metric) or not self._discover:
            return Metric(address, datatype, -1, None)
        return Metric(address, datatype, self._index(address), None)

    def path_of(self, address: Address) -> PlantPath:
        """Where a metric goes in the plant."""
        values = address._asdict()
        filled = [self._fill(part, values) for part in self._parts]
        return PlantPath.clean(self._root, *filled)

    @staticmethod
    def _fill(part: str, values: dict[str, str]) -> str:
        for name, value in values.items():
            part = part.replace(f"{{{name}}}", value)
        return part

    def _index(self, address: Address) -> int:
        known = self._indexes.get(address)
        if known is not None:
            return known
        path = self.path_of(address)
        if path in self._owners:
            message = f"{address} would go to {path}, which is taken by {self._owners[path] or 'a tag'}."
            self._troubles.name(("taken", path), "", message, "Give one of them a tag with a path of its own.")
            return -1
        if len(self.paths) >= self._most:
            message = f"More than {self._max_paths} metrics were found; further ones are left out."
            self._troubles.name("full", "", message, "Listen to fewer groups, or raise max_paths.")
            return -1
        index = self._indexes[address] = len(self.paths)
        self._owners[path] = address
        self.paths.append(path)
        return index
