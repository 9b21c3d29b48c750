"""Topic filters, topic templates and JSON paths: pure text rules, compiled once.

filter     sensors/+/climate, sensors/#                 MQTT 3.1.1, clause 4.7
template   sensors/{area}/{device}, plant/{rest#}       names what stands where
JSON path  $.data.values[0].v  or  data.values[0].v     [0] is an item of a list
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from lineshaft.kernel.errors import Invalid

Step = str | int
_NAME = re.compile(r"\{(\w+)(#?)\}")
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]|\['([^']+)'\]")


def fits(topic_filter: str, topic: str) -> bool:
    """Whether a topic matches an MQTT filter; a leading `$share/group/` is looked through."""
    return _filter_pattern(topic_filter).fullmatch(topic) is not None


@lru_cache(maxsize=4096)
def _filter_pattern(topic_filter: str) -> re.Pattern[str]:
    if topic_filter.startswith("$share/"):
        topic_filter = topic_filter.split("/", 2)[-1]
    levels = topic_filter.split("/")
    pattern = "/".join("[^/]*" if level == "+" else re.escape(level) for level in levels)
    if levels[-1] == "#":
        pattern = pattern.removesuffix(re.escape("#")).removesuffix("/") + ("(/.*)?" if len(levels) > 1 else ".*")
    guard = "" if topic_filter.startswith("$") else r"(?!\$)"  # wildcards at the front do not reach $ topics
    return re.compile(guard + pattern, re.DOTALL)


def covers(wide: str, narrow: str) -> bool:
    """Whether every topic of the narrow filter also matches the wide one."""
    left, right = wide.split("/"), narrow.split("/")
    for i, level in enumerate(left):
        if level == "#":
            return True
        if i >= len(right) or right[i] == "#" or (level != "+" and level != right[i]):
            return i == len(right) and left[i:] == ["#"]
    return len(left) == len(right)


def overlap(one: str, other: str) -> bool:
    """Whether some topic matches both filters."""
    left, right = one.split("/"), other.split("/")
    for a, b in zip(left, right, strict=False):
        if "#" in (a, b):
            return True
        if a != b and "+" not in (a, b):
            return False
    longer = max(left, right, key=len)[min(len(left), len(right)) :]
    return longer in ([], ["#"])


def filter_fault(topic_filter: str) -> str:
    """Why a filter is not allowed, empty when it is."""
    levels = topic_filter.split("/")
    if not topic_filter:
        return "it is empty"
    if any("#" in level and level != "#" for level in levels) or "#" in levels[:-1]:
        return "'#' must be the whole last level"
    if any("+" in level and level != "+" for level in levels):
        return "'+' must be a whole level"
    return ""


class Template:
    """A topic template: tells whether a topic fits and what stands at its names."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names = [found[0] for found in _NAME.findall(text)]
        levels = text.split("/")
        many = [level for level in levels if level == "#" or level.endswith("#}")]
        if many and (len(many) > 1 or levels[-1] != many[0] or _NAME.sub("", levels[-1]) not in {"", "#"}):
            raise Invalid(f"In the topic {text!r} what stands for many levels must be the whole last level.")
        if any("#" in _NAME.sub("", level) and level != "#" for level in levels):
            raise Invalid(f"In the topic {text!r} '#' must be the whole last level.")
        if len(set(self.names)) != len(self.names):
            raise Invalid(f"The topic {text!r} uses a name twice.")
        self._pattern = re.compile("/".join(_level_pattern(level) for level in levels))

    def match(self, topic: str) -> dict[str, str] | None:
        """The names with what they stand for; `topic` itself is always among them."""
        found = self._pattern.fullmatch(topic)
        return None if found is None else {"topic": topic, **found.groupdict()}


def _level_pattern(level: str) -> str:
    if level == "+":
        return "[^/]*"
    if level == "#":
        return ".*"
    parts = []
    at = 0
    for found in _NAME.finditer(level):
        parts.append(re.escape(level[at : found.start()]))
        parts.append(f"(?P<{found[1]}>.*)" if found[2] else f"(?P<{found[1]}>[^/]+)")
        at = found.end()
    return "".join(parts) + re.escape(level[at:])


def _level_filter(level: str) -> str:
    if level == "#" or level.endswith("#}"):
        return "#"
    return "+" if _NAME.search(level) or level == "+" else level


def template_filter(template: str) -> str:
    """The topic filter of a template: names stand for any level."""
    return "/".join(_level_filter(level) for level in template.split("/"))


def fill(template: str, names: Mapping[str, str]) -> str:
    """Put values at the `{names}` of a path template; unknown names stand for nothing."""
    return _NAME.sub(lambda found: names.get(found[1], ""), template)


def names_of(template: str) -> set[str]:
    """The names a template uses."""
    return {found[0] for found in _NAME.findall(template)}


def json_path(text: str) -> tuple[Step, ...]:
    """The steps of a JSON path; `$` alone is the whole document. Raises Invalid."""
    rest = text.strip().removeprefix("$")
    steps: list[Step] = []
    at = 0
    while at < len(rest):
        found = _STEP.match(rest, at)
        if found is None:
            raise Invalid(
                f"{text!r} is not a JSON path: {rest[at:]!r} is not understood.",
                hint="Write $.name.other[0], or name.other[0].",
            )
        key, item, quoted = found.groups()
        steps.append(int(item) if item is not None else quoted if quoted is not None else key)
        at = found.end()
    return tuple(steps)


def pick(document: object, steps: tuple[Step, ...]) -> object:
    """What lies at a JSON path, None when there is nothing."""
    for step in steps:
        if isinstance(step, int):
            if not isinstance(document, list) or step >= len(document):
                return None
            document = document[step]
        else:
            if not isinstance(document, dict):
                return None
            document = document.get(step)
    return document
