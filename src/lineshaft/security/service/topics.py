"""Judges MQTT topic filters before a device gets them.

Filters end up in the bus server's configuration as NATS subjects, so NATS wildcards, blanks and quotes
are refused, as are the server's own topics, which begin with `$`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from lineshaft.kernel.terms import PlantPath
from lineshaft.security.errors import BadTopic

MOST_TOPICS = 50
_LEVEL = re.compile(r"\+|#|[^\s+#>*\"'\\$\x00-\x1f\x7f][^\s+#>*\"'\\\x00-\x1f\x7f]*")
_FOREWORDS = ("", "uns/", "spBv1.0/")
"""What may stand before an organisation: nothing, the unified namespace, Sparkplug's namespace."""


def checked_topics(topics: Iterable[str]) -> tuple[str, ...]:
    """The filters, each once, or BadTopic naming the wrong one."""
    found = tuple(dict.fromkeys(topic.strip() for topic in topics))
    if len(found) > MOST_TOPICS:
        raise BadTopic(f"{len(found)} topic filters are too many.", hint=f"Use at most {MOST_TOPICS}, with + and #.")
    for topic in found:
        _check(topic)
    return found


def _check(topic: str) -> None:
    levels = topic.split("/")
    if len(topic) > 500 or not all(_LEVEL.fullmatch(level) for level in levels):
        raise BadTopic(f"{topic!r} cannot be granted as an MQTT topic filter.")
    if "#" in levels[:-1]:
        raise BadTopic(f"In {topic!r} the # is not at the end.")


def outside(topics: Sequence[str], path: str) -> str | None:
    """The first filter that reaches beyond a subtree of the plant; every filter lies within ''."""
    return next((topic for topic in topics if path and not _within(topic, path)), None)


def _within(topic: str, path: str) -> bool:
    """`acme/#` lies within acme; `uns/acme/#` and `spBv1.0/acme/…` do so as well; `+/x` lies nowhere."""
    rests = [topic.removeprefix(word) for word in _FOREWORDS if topic.startswith(word)]
    return any(PlantPath(rest).within(path) for rest in rests if rest)
