"""Reads the little style sheets of drawings, so that what they say becomes attributes of the elements.

Understood are rules for a class, an id or an element by itself (`.wall`, `#door`, `path`), alone or in a list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_SIMPLE = re.compile(r"([.#]?)(-?[A-Za-z_][\w-]*)")
_MOST = 2_000


@dataclass(slots=True)
class Rules:
    """Declarations by what they are for: an element (``), a class (`.`) or an id (`#`)."""

    found: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)

    def of(self, tag: str, classes: str, id_: str) -> dict[str, str]:
        """What the sheet says of an element; an id speaks louder than a class, a class than a kind."""
        said = dict(self.found.get(("", tag), {}))
        for name in classes.split():
            said |= self.found.get((".", name), {})
        return said | self.found.get(("#", id_), {})


def rules(sheet: str, findings: list[str]) -> Rules:
    """The rules of a sheet; those that are not understood are named in `findings`."""
    made = Rules()
    blocks = _bare(sheet).split("}")
    if len(blocks) > _MOST:
        findings.append(f"The style sheet has more than {_MOST} rules; the rest was left out.")
    for block in blocks[:_MOST]:
        before, opened, body = block.rpartition("{")
        *loose, selectors = (before if opened else block + ";").split(";")
        findings += [
            f"The rule {rule.split()[0][:40]} of the style sheet was taken out." for rule in loose if rule.strip()
        ]
        for selector in selectors.split(",") if opened else ():
            if hit := _SIMPLE.fullmatch(selector.strip()):
                made.found.setdefault((hit[1], hit[2]), {}).update(declarations(body))
            else:
                findings.append(f"The rule for {selector.strip()[:60]!r} was left out: only single names are read.")
    return made


def _bare(sheet: str) -> str:
    """The sheet without its comments."""
    first, *rest = sheet.split("/*")
    return first + "".join(piece.partition("*/")[2] for piece in rest)


def declarations(body: str) -> dict[str, str]:
    """`fill: red; stroke-width: 2` as names and values."""
    said = (part.partition(":") for part in body.split(";"))
    return {
        name.strip().lower(): value.replace("!important", "").strip()
        for name, colon, value in said
        if colon and value.strip()
    }
