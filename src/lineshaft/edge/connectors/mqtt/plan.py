"""How the messages of one topic become values: a tree of JSON keys with the row index of each leaf.

Plans are made once per topic and grow as new leaves arrive, so that decoding a message afterwards
is one dictionary look-up per value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum

from lineshaft.edge.broker import Troubles
from lineshaft.edge.connectors import Tag
from lineshaft.kernel.terms import Kind, PlantPath

from .settings import MqttSettings, Rule
from .topics import Step, Template, fill, fits, json_path

AUTO_TIMES = ("timestamp", "timestamp_ms", "ts", "time")
UNITS = ("unit", "u")
"""Keys that say the unit of a number beside them, when that has one of these names:"""
VALUES = ("value", "v")


class Role(IntEnum):
    """What a leaf is for."""

    VALUE = 0
    TIME = 1
    AUTO_TIME = 2
    """A source time if it can be read as one, else a value."""
    QUALITY = 3
    NOTHING = 4
    UNIT = 5


class Leaf:
    """One place in a JSON document. `number` is the row index for plain numbers, -1 for the slow way."""

    __slots__ = ("index", "kids", "kind", "number", "open", "path", "role")

    def __init__(self, path: str, *, role: Role = Role.VALUE, is_open: bool = True) -> None:
        self.path = path
        self.role = role
        self.open = is_open
        self.index = -1
        self.number = -1
        self.kind: Kind | None = None
        self.kids: dict[Step, Leaf] = {}

    def place(self, index: int, kind: Kind | None = None) -> None:
        """Give the leaf its row index; tags of text kinds take numbers the slow way."""
        self.index = index
        self.kind = kind
        self.number = -1 if kind in {Kind.TEXT, Kind.ENUM} else index


class UnitLeaf(Leaf):
    """A place that says the unit of the value `of` beside it."""

    __slots__ = ("of",)

    def __init__(self, path: str, of: Leaf) -> None:
        super().__init__(path, role=Role.UNIT, is_open=False)
        self.of = of


IGNORED = Leaf("", role=Role.NOTHING, is_open=False)


class CompiledRule:
    """A rule with its topic template and JSON paths parsed; raises Invalid when one is wrong."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.template = Template(rule.topic)
        self.value = json_path(rule.value) if rule.value else None
        self.values = {name: json_path(path) for name, path in rule.values.items()}
        self.each = json_path(rule.each) if rule.each else None
        self.item_name = json_path(rule.name)
        self.item_value = self.value or ("value",)
        self.time = None if rule.time in {"", "auto"} else json_path(rule.time)
        self.quality = json_path(rule.quality) if rule.quality else None
        self.good = frozenset(_same(g) for g in rule.good)

    def is_good(self, raw: object) -> bool:
        return isinstance(raw, str | int | float) and _same(raw) in self.good


def _same(raw: str | float) -> tuple[bool, str | float]:
    return isinstance(raw, bool), raw  # True is not 1 here


class TopicPlan:
    """The plan of one topic."""

    __slots__ = ("base", "is_json", "root", "rule", "seen_objects")

    def __init__(self, rule: CompiledRule, base: str, root: Leaf) -> None:
        self.rule = rule
        self.base = base
        self.root = root
        self.is_json = rule.rule.format in {"auto", "json"}
        self.seen_objects = False


class Planner:
    """Makes the plans of topics, hands out row indexes and keeps both bounded."""

    def __init__(
        self, settings: MqttSettings, tags: Sequence[Tag], root: PlantPath, paths: list[str], troubles: Troubles
    ) -> None:
        self.paths = paths
        self._settings = settings
        self._root = root
        self._troubles = troubles
        self._rules = [CompiledRule(rule) for rule in settings.rules] or [CompiledRule(Rule())]
        self._plain = CompiledRule(Rule())
        self._index = {str(path): i for i, path in enumerate(paths)}
        self._most_paths = len(paths) + settings.max_paths
        self._room = 2 * settings.max_paths + 4 * len(tags)
        self._tags: dict[str, list[tuple[tuple[Step, ...], int, Kind]]] = {}
        for i, tag in enumerate(tags):
            topic, _, path = tag.address.partition("|")
            self._tags.setdefault(topic, []).append((json_path(path), i, tag.kind))

    def plan(self, topic: str) -> TopicPlan | None:
        """The plan of a topic, None when nothing is wanted from it."""
        tags = self._tags.get(topic, [])
        if not tags and (not self._settings.discover or any(fits(f, topic) for f in self._settings.ignore)):
            return None
        rule, names = self._rule(topic)
        if rule is None and not tags:
            self._troubles.name(
                ("no rule", topic.split("/", 1)[0]),
                topic,
                f"No rule fits the topic {topic!r}; its messages are left out.",
                "Add a rule for it, or a filter to ignore.",
            )
            return None
        if not self._take_room():
            return None
        used = rule or self._plain
        base = fill(used.rule.path, names)
        is_open = rule is not None and self._settings.discover
        narrowed = used.each is None and (used.value is not None or used.values)
        root = Leaf(base, is_open=is_open and not narrowed)
        plan = TopicPlan(used, base, root)
        self._lay(plan, is_open)
        for steps, index, kind in tags:
            leaf = self._reach(root, steps)
            leaf.role = Role.VALUE
            leaf.place(index, kind)
        return plan

    def _rule(self, topic: str) -> tuple[CompiledRule | None, dict[str, str]]:
        for rule in self._rules:
            names = rule.template.match(topic)
            if names is not None:
                return rule, names
        return None, {}

    def _lay(self, plan: TopicPlan, is_open: bool) -> None:
        """Put the leaves a rule names into the tree; the items of a list name their own."""
        rule = plan.rule
        if rule.each is not None:
            return
        if rule.rule.time == "auto":
            for key in AUTO_TIMES:
                plan.root.kids[key] = Leaf(f"{plan.base}/{key}", role=Role.AUTO_TIME, is_open=plan.root.open)
        named: Iterable[tuple[str, tuple[Step, ...]]] = [
            *([(plan.base, rule.value)] if rule.value is not None else []),
            *((f"{plan.base}/{name}", steps) for name, steps in rule.values.items()),
        ]
        for path, steps in named if is_open else ():
            leaf = self._reach(plan.root, steps)
            leaf.path, leaf.open, leaf.role = path, True, Role.VALUE
        for role, place in ((Role.TIME, rule.time), (Role.QUALITY, rule.quality)):
            if place is not None:
                self._reach(plan.root, place).role = role

    def _reach(self, leaf: Leaf, steps: tuple[Step, ...]) -> Leaf:
        """The leaf at some steps, made on the way if need be."""
        for step in steps:
            leaf = leaf.kids.setdefault(step, Leaf(f"{leaf.path}/{step}", is_open=leaf.open))
        return leaf

    def grow(self, leaf: Leaf, step: Step) -> Leaf:
        """A new leaf below an open one; IGNORED when nothing is wanted there or the room is used up."""
        if not leaf.open or not self._take_room():
            return IGNORED
        kid = leaf.kids[step] = Leaf(f"{leaf.path}/{step}")
        return kid

    def unit(self, leaf: Leaf, step: Step, value: Step) -> Leaf:
        """A new leaf for the unit of a value beside it; IGNORED when nobody wants that value."""
        of = leaf.kids.get(value) or self.grow(leaf, value)
        if of is IGNORED or not self._take_room():
            return IGNORED
        kid = leaf.kids[step] = UnitLeaf(f"{leaf.path}/{step}", of)
        return kid

    def index(self, leaf: Leaf) -> int:
        """The row index of a leaf, given to it now if it is new; -1 when it may not have one."""
        if leaf.index < 0 and leaf.open and leaf is not IGNORED:
            path = PlantPath.clean(self._root, leaf.path)
            known = self._index.get(path)
            if known is None and path != self._root and len(self.paths) < self._most_paths:
                known = self._index[path] = len(self.paths)
                self.paths.append(path)
            if known is not None:
                leaf.place(known)
            elif path != self._root:
                self._full()
        return leaf.index

    def _take_room(self) -> bool:
        if self._room <= 0:
            self._full()
            return False
        self._room -= 1
        return True

    def _full(self) -> None:
        self._troubles.name(
            "full",
            "",
            f"More than {self._settings.max_paths} properties were found; further ones are left out.",
            "Narrow subscriptions or rules, or raise max_paths.",
        )
