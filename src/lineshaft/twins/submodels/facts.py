"""What a submodel template says, as nouns: which elements, of which kind and type, how many, and what each means.

Cardinalities are those of IDTA-02000 (qualifier `SMT/Cardinality`). `means` is the value of the last key of a
semanticId with white space normalised: published files carry blanks and line breaks inside ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from lineshaft.twins.metamodel.kinds import LIST

_ARBITRARY = "https://admin-shell.io/SMT/General/Arbitrary"


class Many(StrEnum):
    """How often an element stands below its parent."""

    ONE = "One"
    ZERO_TO_ONE = "ZeroToOne"
    ONE_TO_MANY = "OneToMany"
    ZERO_TO_MANY = "ZeroToMany"
    TWO_TO_MANY = "TwoToMany"
    UNSAID = ""
    """The template leaves it open."""

    @property
    def least(self) -> int:
        return {Many.ONE: 1, Many.ONE_TO_MANY: 1, Many.TWO_TO_MANY: 2}.get(self, 0)

    @property
    def only_one(self) -> bool:
        return self in (Many.ONE, Many.ZERO_TO_ONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """What a template says of one element."""

    kind: str
    name: str = ""
    """The idShort; empty for the entry of a list."""
    means: str = ""
    many: Many = Many.UNSAID
    type: str = ""
    """valueType of a Property or Range."""
    of: str = ""
    """Of a list: the kind of its entries, then their valueType and meaning."""
    of_type: str = ""
    of_means: str = ""
    ordered: bool = True
    entity: str = ""
    content: str = ""
    also: tuple[str, ...] = ()
    """Supplemental semantic ids, without web addresses that repeat an id."""
    accepts: tuple[str, ...] = ()
    """Other ids that count as this element."""
    unit: str = ""
    """In UCUM."""
    choices: tuple[str, ...] = ()
    """The values it may take, when they are a list."""
    allowed: tuple[str, ...] = ()
    """Regular expressions of which the value must match one (`SMT/AllowedValue`)."""
    span: str = ""
    """Numbers it may take, as `[0,100]` or `(0,100]` (`SMT/AllowedRange`)."""
    languages: tuple[str, ...] = ()
    """Languages a text must have (`SMT/RequiredLang`)."""
    either: str = ""
    """Of elements with the same word here, one is enough (`SMT/EitherOr`)."""
    pattern: str = ""
    """idShorts allowed for repeated elements, in the notation of the template: `Time[\\d{2,3}]`."""
    renamed: bool = False
    """Whether an instance gives it an idShort of its own."""
    recursive: bool = False
    free: bool = False
    """Whether the template's valueType is a mere example."""
    words: dict[str, str] = field(default_factory=dict)
    elements: tuple[Element, ...] = ()

    @property
    def arbitrary(self) -> bool:
        """Whether it stands for anything its author likes (IDTA-02000, arbitrary elements)."""
        return self.means.startswith(_ARBITRARY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A published or loaded submodel template."""

    name: str
    """The folder of the shelf it came from; the idShort for a loaded one."""
    id_short: str
    means: str
    accepts: tuple[str, ...] = ()
    """Semantic ids of older versions."""
    also: tuple[str, ...] = ()
    number: str = ""
    version: str = ""
    template_id: str = ""
    title: dict[str, str] = field(default_factory=dict)
    summary: dict[str, str] = field(default_factory=dict)
    source: str = ""
    licence: str = ""
    elements: tuple[Element, ...] = ()

    def walk(self) -> Iterator[tuple[str, Element]]:
        """Every element with its idShortPath, parents first; the entry of a list stands at `[0]`."""
        yield from _walk(self.elements, "", in_list=False)


def _walk(elements: Sequence[Element], path: str, *, in_list: bool) -> Iterator[tuple[str, Element]]:
    for index, element in enumerate(elements):
        place = f"{path}[{index}]" if in_list else f"{path}.{element.name}".removeprefix(".")
        yield place, element
        yield from _walk(element.elements, place, in_list=element.kind == LIST)


def expected_below(element: Element, above: Sequence[Element]) -> tuple[Element, ...]:
    """The elements a template wants below one of its elements.

    A template ends somewhere: an element without children that means what one above it means repeats that one,
    as the nodes of a bill of materials do.
    """
    if element.elements:
        return element.elements
    same = (one for one in reversed(above) if one.kind == element.kind and one.means == element.means != "")
    return next((one.elements for one in same if one.elements), ())
