"""Messages in, columns out: the one place where MQTT payloads become values.

    decoder = Decoder(settings, tags, root, paths)
    readings = decoder.decode([(topic, payload, received_us, token, retained), ...])

Used for every source of messages. The hot loop makes no object per value: two array appends each,
and one time per message. What is wrong with single messages waits in `troubles`.
"""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from lineshaft.edge.broker import Message, Troubles, believable, micros
from lineshaft.edge.connectors import Readings, Tag
from lineshaft.kernel.terms import Kind, PlantPath, Quality

from .plan import AUTO_TIMES, IGNORED, UNITS, VALUES, Leaf, Planner, Role, TopicPlan, UnitLeaf
from .settings import MqttSettings
from .topics import pick

_NOTHING = object()
_LONGEST_TEXT = 256
_SHOWN = 60
_WORDS = {"good": Quality.GOOD, "ok": Quality.GOOD, "uncertain": Quality.UNCERTAIN, "bad": Quality.BAD}
_WORDS |= {"stale": Quality.BAD_STALE, "true": Quality.GOOD, "false": Quality.BAD}
_YES = frozenset({"true", "on", "yes", "1"})
_NO = frozenset({"false", "off", "no", "0"})


class _Times:
    """The time and quality that all rows of one message share, once per message."""

    def __init__(self) -> None:
        self.stamps: list[int] = []
        self.rows: list[int] = []
        self.flags: list[int] = []

    def add(self, rows: int, stamp: int, flag: int) -> None:
        self.stamps.append(stamp)
        self.rows.append(rows)
        self.flags.append(flag)


class Decoder:
    """Turns batches of messages into readings; appends to `paths` as new values arrive."""

    def __init__(self, settings: MqttSettings, tags: Sequence[Tag], root: PlantPath, paths: list[str]) -> None:
        self.troubles = Troubles(root)
        self.paths = paths
        self._settings = settings
        self._max_ahead_us = int(settings.max_ahead_s * 1e6)
        self._planner = Planner(settings, tags, root, paths, self.troubles)
        self._plans: dict[str, TopicPlan | None] = {}
        self._scale = np.array([tag.scale for tag in tags], dtype=np.float64)
        self._offset = np.array([tag.offset for tag in tags], dtype=np.float64)
        self._scaled = any(tag.scale != 1.0 or tag.offset != 0.0 for tag in tags)
        self._loads = msgspec.json.Decoder().decode
        self._units: dict[Leaf, str] = {}
        """The unit that was said last of each value; those in `_declared` are news of this batch."""
        self._begin()

    def _begin(self) -> None:
        self._index = array("i")
        self._number = array("d")
        self._texts: dict[int, str] = {}
        self._marks: dict[int, int] = {}
        self._declared: list[Leaf] = []
        self._time: Any = None
        self._quality: Any = None
        self._depth = 0

    def decode(self, messages: Sequence[Message]) -> Readings:
        """The values of a batch of messages, in their order."""
        self._begin()
        index = self._index
        times = _Times()
        plans, loads, limit = self._plans, self._loads, self._settings.max_payload_bytes
        for message in messages:
            topic, payload = message[0], message[1]
            plan = plans[topic] if topic in plans else self._new_plan(topic)
            if plan is None:
                continue
            if len(payload) > limit:
                self._too_large(topic, len(payload))
                continue
            try:
                document = loads(payload) if plan.is_json else self._plain(plan, payload)
            except (ValueError, RecursionError):
                document = self._rescue(plan, topic, payload)
            if document is _NOTHING:
                continue
            if plan.rule.each is not None:
                self._each(plan, document, message, times)
                continue
            before = len(index)
            self._take(plan, document)
            rows = len(index) - before
            if rows:
                times.add(rows, *self._when(plan, message))
            self._time = self._quality = None
        return self._columns(times)

    # ---- one message ----

    def _new_plan(self, topic: str) -> TopicPlan | None:
        plan = self._planner.plan(topic)
        if len(self._plans) < 2 * self._settings.max_paths + len(self.paths):
            self._plans[topic] = plan
        return plan

    def _take(self, plan: TopicPlan, document: Any) -> None:
        if type(document) is dict:
            plan.seen_objects = True
            self._walk(plan.root, document)
        else:
            self._other(plan.root, document)

    def _walk(self, leaf: Leaf, document: dict[str, Any]) -> None:
        """Take every key of an object: numbers at once, the rest with care."""
        kids = leaf.kids
        index, number = self._index, self._number
        for key, value in document.items():
            kid = kids.get(key) or self._grow(leaf, key, document)
            row = kid.number
            if row >= 0 and kid.role == 0 and (type(value) is float or type(value) is int):
                try:
                    number.append(value)
                except OverflowError:
                    number.append(math.inf)
                index.append(row)
            elif kid is not IGNORED:
                self._other(kid, value)

    def _grow(self, leaf: Leaf, key: str, document: dict[str, Any]) -> Leaf:
        """A new leaf: a unit when there is a number beside it that it can be of, else a value."""
        if key in UNITS:
            of = next((name for name in VALUES if type(document.get(name)) in {int, float}), None)
            if of is not None:
                return self._planner.unit(leaf, key, of)
        return self._planner.grow(leaf, key)

    def _other(self, leaf: Leaf, value: Any) -> None:
        """Take what is not a number at a known place."""
        if leaf.role == Role.TIME or (leaf.role == Role.AUTO_TIME and micros(value) is not None):
            self._time = value
        elif leaf.role == Role.QUALITY:
            self._quality = value
        elif leaf.role == Role.NOTHING:
            return
        elif isinstance(leaf, UnitLeaf):
            self._declare(leaf.of, value)
        elif isinstance(value, dict | list):
            self._deeper(leaf, value)
        else:
            row = self._planner.index(leaf)
            if row >= 0:
                self._put(leaf, row, value)

    def _deeper(self, leaf: Leaf, value: dict[str, Any] | list[Any]) -> None:
        if not leaf.open and not leaf.kids:
            return
        if self._depth >= self._settings.max_depth:
            self._name(
                "depth", leaf, f"It holds objects more than {self._settings.max_depth} deep.", "Raise max_depth."
            )
            return
        self._depth += 1
        if isinstance(value, dict):
            self._walk(leaf, value)
        elif leaf.open and len(value) > self._settings.max_list:
            hint = "Raise max_list, or name the wanted items with a JSON path."
            self._name("list", leaf, f"A list of {len(value)} items is longer than {self._settings.max_list}.", hint)
        else:
            for step, item in enumerate(value[: self._settings.max_list] if leaf.open else value):
                kid = leaf.kids.get(step)
                if kid is None and leaf.open:
                    kid = self._planner.grow(leaf, step)
                if kid is not None and kid is not IGNORED:
                    self._other(kid, item)
        self._depth -= 1

    def _put(self, leaf: Leaf, row: int, value: Any) -> None:
        """One scalar, made to fit the kind its tag asks for."""
        at = len(self._index)
        number = math.nan
        if value is None:
            self._marks[at] = Quality.BAD_NO_DATA
        elif leaf.kind in {Kind.TEXT, Kind.ENUM}:
            self._texts[at] = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        elif not isinstance(value, str):
            number = _float(value)
        elif leaf.kind is None:
            self._texts[at] = value
        else:
            number = _parse(value, leaf.kind)
            if math.isnan(number):
                self._marks[at] = Quality.BAD_TYPE
                self._name("type", leaf, f"{value[:_SHOWN]!r} is no {leaf.kind.value}.", "Set the tag's kind to text.")
        self._index.append(row)
        self._number.append(number)

    def _declare(self, leaf: Leaf, unit: Any) -> None:
        """Take what is said of the unit of a value."""
        if isinstance(unit, str) and self._units.get(leaf) != unit:
            self._units[leaf] = unit
            self._declared.append(leaf)

    # ---- lists of readings ----

    def _each(self, plan: TopicPlan, document: Any, message: Message, times: _Times) -> None:
        """A list whose items carry their own name, value and perhaps time."""
        rule, topic = plan.rule, message[0]
        items = pick(document, rule.each or ())
        if not isinstance(items, list):
            self._bad(topic, "there is no list where `each` points")
            return
        for item in items:
            name, value = pick(item, rule.item_name), pick(item, rule.item_value)
            if not isinstance(name, str) or not name:
                self._bad(topic, "an item of its list has no name")
                continue
            leaf = plan.root.kids.get(name)
            if leaf is None or leaf.role != Role.VALUE:
                leaf = self._planner.grow(plan.root, name)
            before = len(self._index)
            self._other(leaf, value)
            rows = len(self._index) - before
            if rows:
                self._declare(leaf, next((item[key] for key in UNITS if key in item), None))
                self._time = _time_of(item, plan) if _time_of(item, plan) is not None else _time_of(document, plan)
                self._quality = pick(item, rule.quality) if rule.quality else None
                times.add(rows, *self._when(plan, message))
        self._time = self._quality = None

    # ---- time and quality of a message ----

    def _when(self, plan: TopicPlan, message: Message) -> tuple[int, int]:
        """The source time and the quality all rows of a message share."""
        topic, _, received, _, retained = message
        flag = _grade(self._quality, plan) if self._quality is not None else Quality.GOOD
        if self._time is None:
            return received, int(flag or (Quality.UNCERTAIN_LAST_USABLE if retained else Quality.GOOD))
        stamp = micros(self._time, plan.rule.rule.time_unit)
        if stamp is not None and believable(stamp, received, self._max_ahead_us):
            return stamp, int(flag)
        self.troubles.name(
            ("time", topic),
            topic,
            f"Its source time {str(self._time)[:_SHOWN]!r} cannot be believed; the arrival time is used.",
            "Set the device's clock, or the rule's time and time_unit.",
        )
        return received, int(max(flag, Quality.UNCERTAIN_TIME))

    # ---- payloads that are no strict JSON ----

    def _plain(self, plan: TopicPlan, payload: bytes) -> Any:
        """A payload of format text or number."""
        if plan.rule.rule.format == "text":
            return payload.decode()
        return float(payload)

    def _rescue(self, plan: TopicPlan, topic: str, payload: bytes) -> Any:
        """NaN and Infinity are taken as Python reads them, short plain text as text; the rest is named."""
        if not payload:
            return _NOTHING  # how a retained message is cleared
        allowed = plan.rule.rule.format
        try:
            text = payload.decode()
        except UnicodeDecodeError:
            text = ""
        if allowed in {"auto", "json"} and text:
            try:
                return json.loads(text)
            except (ValueError, RecursionError):
                pass
        if allowed == "auto" and not plan.seen_objects and _is_word(text):
            return text.strip()
        self._bad(topic, f"the payload is not {'JSON' if allowed == 'auto' else allowed}: {payload[:_SHOWN]!r}")
        return _NOTHING

    # ---- naming ----

    def _bad(self, topic: str, why: str) -> None:
        self.troubles.name(("bad", topic), topic, f"A message on {topic!r} was left out: {why}.", "Look at its rule.")

    def _too_large(self, topic: str, size: int) -> None:
        limit = self._settings.max_payload_bytes
        message = f"A message of {size} bytes on {topic!r} was left out; the limit is {limit}."
        self.troubles.name(("large", topic), topic, message, "Raise max_payload_bytes if this is meant.")

    def _name(self, what: str, leaf: Leaf, message: str, hint: str) -> None:
        self.troubles.name((what, leaf.path), leaf.path, message, hint)

    # ---- the columns of a batch ----

    def _columns(self, times: _Times) -> Readings:
        index = np.array(self._index, dtype=np.int32)
        number = np.array(self._number, dtype=np.float64)
        ts = np.repeat(np.array(times.stamps, dtype=np.int64), times.rows)
        quality = np.repeat(np.array(times.flags, dtype=np.uint8), times.rows)
        if self._scaled:
            number = self._apply_scale(index, number)
        odd = ~np.isfinite(number)
        if odd.any():
            number = np.where(odd, np.nan, number)
            self._mark(index, odd, quality)
        text: list[str | None] | None = None
        if self._texts:
            text = [None] * len(index)
            for row, value in self._texts.items():
                text[row] = value
        units = {self.paths[leaf.index]: self._units[leaf] for leaf in self._declared if leaf.index >= 0}
        return Readings(paths=self.paths, index=index, ts=ts, number=number, quality=quality, text=text, units=units)

    def _apply_scale(self, index: NDArray[np.int32], number: NDArray[np.float64]) -> NDArray[np.float64]:
        known = index < len(self._scale)
        place = np.where(known, index, 0)
        return np.where(known, number * self._scale[place] + self._offset[place], number)

    def _mark(self, index: NDArray[np.int32], odd: NDArray[np.bool_], quality: NDArray[np.uint8]) -> None:
        """Rows without a number: text is as good as its message, the others are bad for a reason."""
        for row in np.flatnonzero(odd).tolist():
            if row in self._texts:
                continue
            mark = self._marks.get(row)
            if mark is None:
                path = self.paths[index[row]]
                mark = Quality.BAD_OUT_OF_RANGE
                self.troubles.name(("odd", path), "", f"{path} sent NaN or infinity.", "Look at the sensor.")
            quality[row] = mark


def _grade(raw: Any, plan: TopicPlan) -> Quality:
    """A quality as devices write it: a word, a switch, an OPC classic byte or an OPC UA status code."""
    if plan.rule.good:
        return Quality.GOOD if plan.rule.is_good(raw) else Quality.BAD
    if isinstance(raw, bool):
        return Quality.GOOD if raw else Quality.BAD
    if isinstance(raw, str):
        return _WORDS.get(raw.strip().lower(), Quality.UNCERTAIN)
    if not isinstance(raw, int):
        return Quality.UNCERTAIN
    if raw > 255:
        return (Quality.GOOD, Quality.UNCERTAIN, Quality.BAD, Quality.BAD)[(raw >> 30) & 3]
    return Quality.GOOD if raw >= 192 else Quality.UNCERTAIN if raw >= 64 else Quality.BAD


def _time_of(document: Any, plan: TopicPlan) -> Any:
    if plan.rule.time is not None:
        return pick(document, plan.rule.time)
    if plan.rule.rule.time == "auto" and isinstance(document, dict):
        return next((document[key] for key in AUTO_TIMES if micros(document.get(key)) is not None), None)
    return None


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _parse(text: str, kind: Kind) -> float:
    """A number or switch written as text; NaN when it is neither."""
    word = text.strip().lower()
    if kind is Kind.BOOLEAN and word in _YES | _NO:
        return float(word in _YES)
    try:
        return float(word)
    except ValueError:
        return math.nan


def _is_word(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_TEXT and text.isprintable() and text.lstrip()[:1] not in {"", "{", "[", '"'}
