"""Messages of edge nodes made by hand, and a fleet that takes them."""

from __future__ import annotations

import math
from typing import Any

from lineshaft.edge.connectors import Tag
from lineshaft.edge.connectors.sparkplug import DataType, Payload, SparkplugSettings
from lineshaft.edge.connectors.sparkplug.fleet import Fleet
from lineshaft.kernel.terms import PlantPath

ROOT = PlantPath("acme/berlin")


MS = 1_795_000_000_000


NOW = MS * 1000


class Bench:
    """A fleet with a clock that stands still until told otherwise."""

    def __init__(self, *tags: Tag, **settings: Any) -> None:
        self.clock = 100.0
        settings = {"rebirth_jitter_s": 0.0, **settings}
        self.paths = [str(tag.path) for tag in tags]
        self.fleet = Fleet(SparkplugSettings(**settings), tags, ROOT, self.paths, clock=lambda: self.clock)
        self.received = NOW + 5_000

    def say(self, topic: str, payload: Any) -> Bench:
        data = payload if isinstance(payload, bytes) else payload.SerializeToString()
        self.fleet.take(f"spBv1.0/{topic}", data, self.received)
        return self

    def wait(self, seconds: float) -> Bench:
        self.clock += seconds
        self.received += int(seconds * 1e6)
        self.fleet.tick(self.received)
        return self

    def rows(self) -> list[tuple[str, Any, int, int]]:
        """(path below the root, value, ts, quality) of every row since the last call; NaN is None."""
        r = self.fleet.drain()
        found = []
        for i in range(len(r)):
            text = None if r.text is None else r.text[i]
            value = text if text is not None else None if math.isnan(r.number[i]) else float(r.number[i])
            path = str(r.paths[r.index[i]]).removeprefix(f"{ROOT}/")
            found.append((path, value, int(r.ts[i]), int(r.quality[i])))
        return found

    def values(self) -> list[Any]:
        return [value for _, value, _, _ in self.rows()]

    def asked(self) -> list[tuple[str, str]]:
        return self.fleet.rebirths()

    def named(self) -> list[str]:
        return [problem.message for problem in self.fleet.troubles()]


def message(seq: int | None, *metrics: dict[str, Any], at: int = MS) -> Any:
    payload = Payload(timestamp=at) if at else Payload()
    if seq is not None:
        payload.seq = seq
    for metric in metrics:
        payload.metrics.add(**metric)
    return payload


def number(name: str, value: float, *, alias: int | None = None, at: int = MS, **more: Any) -> dict[str, Any]:
    found = {"name": name, "datatype": int(DataType.DOUBLE), "double_value": value, "timestamp": at, **more}
    return found if alias is None else {**found, "alias": alias}


def by_alias(alias: int, value: float, at: int = MS, **more: Any) -> dict[str, Any]:
    return {"alias": alias, "double_value": value, "timestamp": at, **more}


def nbirth(*metrics: dict[str, Any], bd: int = 0, seq: int = 0, at: int = MS) -> Any:
    session = {"name": "bdSeq", "datatype": int(DataType.INT64), "long_value": bd, "timestamp": at}
    return message(seq, session, *metrics, at=at)


def ndeath(bd: int, at: int = 1) -> Any:
    return message(None, {"name": "bdSeq", "datatype": int(DataType.INT64), "long_value": bd}, at=at)


def born(**settings: Any) -> Bench:
    """A node G/E with T (alias 1) and a device D with S (alias 2); the next seq is 2."""
    bench = Bench(**settings)
    bench.say("G/NBIRTH/E", nbirth(number("T", 20.0, alias=1)))
    bench.say("G/DBIRTH/E/D", message(1, number("S", 1.0, alias=2)))
    return bench
