"""What every export gives back, and how it tells what is lost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from lineshaft.twins.metamodel.kinds import Json

STRUCTURE: Final = frozenset(
    {
        "modelType", "idShort", "id", "value", "valueType", "min", "max", "contentType", "first", "second",
        "annotations", "submodelElements", "statements", "orderRelevant", "typeValueListElement",
        "valueTypeListElement", "inputVariables", "outputVariables", "inoutputVariables", "assetInformation",
        "submodels",
    }
)  # fmt: skip
"""Members that make up the model; each export says itself where it cannot keep one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Something the format cannot say: where it stood (`<id> › <idShortPath>`), what it was, why it is lost."""

    path: str
    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """One file of another model."""

    data: bytes
    content_type: str
    suffix: str
    losses: tuple[Loss, ...] = ()


@dataclass(slots=True)
class Losses:
    """Gathers losses; `keeps` are the members beyond the structure that the format takes over."""

    format: str
    keeps: frozenset[str] = frozenset()
    found: list[Loss] = field(default_factory=list)

    def add(self, path: str, what: str, why: str) -> None:
        """Note one loss."""
        self.found.append(Loss(path=path, what=what, why=why))

    def members(self, thing: Json, path: str, also: Iterable[str] = ()) -> None:
        """Note the members of a thing that the format has no place for."""
        kept = self.keeps.union(also)
        for name in thing:
            if name not in STRUCTURE and name not in kept:
                self.add(path, name, f"{self.format} has no place for it.")

    def done(self) -> tuple[Loss, ...]:
        return tuple(self.found)


def below(path: str, parent: Json, index: int, child: Json) -> str:
    """The path of a child: `<id> › A.B[0]`."""
    if parent.get("modelType") == "SubmodelElementList":
        return f"{path}[{index}]"
    name = child.get("idShort") or f"[{index}]"
    return f"{path}{'.' if ' › ' in path else ' › '}{name}"


def texts(strings: Iterable[Json]) -> dict[str, str]:
    """Language -> text."""
    return {string["language"]: string["text"] for string in strings}
