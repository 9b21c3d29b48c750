"""Interlocks: what must hold before something is written, said over current values.

    speed = 0 and guard-closed
    (mode = "Hand" or mode = "Off") and not alarm and acme/berlin/line-1/conveyor/speed < 5

Names are properties of the twin, or whole paths of others. What is not known does not hold: an interlock that reads
a value nobody can vouch for is not satisfied, whatever the rest of it says.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import PlantPath, Value

from .live import same

LONGEST = 1_000
DEEPEST = 20
_TOKEN = re.compile(
    r'\s*(?:(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w/-])|"([^"]*)"|(<=|>=|!=|=|<|>|\(|\))|([\w][\w/-]*))'
)
_ORDER: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_WORDS = {"and", "or", "not", "true", "false"}
Values = Mapping[str, Value | None]
Test = Callable[[Values], bool]
Operand = Callable[[Values], Value]


@dataclass(frozen=True, slots=True)
class Condition:
    """One of the things that must hold, all of which must."""

    text: str
    names: tuple[str, ...]
    test: Test

    def holds(self, values: Values) -> bool:
        """Whether it holds for these values; unknown ones make it false."""
        if any(values.get(name) is None for name in self.names):
            return False
        return self.test(values)


@dataclass(frozen=True, slots=True)
class Interlock:
    """Conditions that must all hold."""

    text: str
    conditions: tuple[Condition, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names it reads, in their order."""
        return tuple(dict.fromkeys(name for one in self.conditions for name in one.names))


def parse_interlock(text: str) -> Interlock:
    """An interlock as written; Invalid says where it cannot be understood. Nothing written always holds."""
    if not text.strip():
        return Interlock(text)
    if len(text) > LONGEST:
        raise Invalid(f"An interlock has at most {LONGEST} characters, not {len(text)}.")
    return Interlock(text, tuple(_Reader(text).conditions()))


class _Reader:
    """Reads an interlock from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._at = 0
        self._depth = 0
        self._names: list[str] = []

    def conditions(self) -> Iterator[Condition]:
        """The parts that `and` joins on top; with an `or` there it is one."""
        if any(word == "or" for word in self._top()):
            yield self._condition(self._either)
        else:
            yield self._condition(self._negated)
            while self._next("and"):
                yield self._condition(self._negated)
        if self._at < len(self._tokens):
            raise self._confused()

    def _top(self) -> Iterator[str]:
        depth = 0
        for kind, word, _ in self._tokens:
            depth += {"(": 1, ")": -1}.get(word if kind == "sign" else "", 0)
            if depth == 0 and kind == "word":
                yield word

    def _condition(self, read: Callable[[], Test]) -> Condition:
        start, self._names = self._at, []
        test = read()
        begin, end = self._tokens[start][2][0], self._tokens[self._at - 1][2][1]
        return Condition(self._text[begin:end].strip(), tuple(dict.fromkeys(self._names)), test)

    def _either(self) -> Test:
        tests = [self._both()]
        while self._next("or"):
            tests.append(self._both())
        return lambda values: any(test(values) for test in tests)

    def _both(self) -> Test:
        tests = [self._negated()]
        while self._next("and"):
            tests.append(self._negated())
        return lambda values: all(test(values) for test in tests)

    def _negated(self) -> Test:
        if self._next("not"):
            test = self._negated()
            return lambda values: not test(values)
        return self._grouped() if self._sees("(") else self._compared()

    def _grouped(self) -> Test:
        self._at += 1
        self._depth += 1
        if self._depth > DEEPEST:
            raise Invalid(f"The interlock nests more than {DEEPEST} brackets.", hint="Write it more simply.")
        test = self._either()
        self._depth -= 1
        if not self._next(")"):
            raise self._confused("a closing bracket")
        return test

    def _compared(self) -> Test:
        left = self._operand()
        kind, sign, _ = self._tokens[self._at] if self._at < len(self._tokens) else ("", "", (0, 0))
        if kind != "sign" or sign in "()":
            return lambda values: _true(left(values))
        self._at += 1
        right = self._operand()
        if sign in ("=", "!="):
            return lambda values: same(left(values), right(values)) is (sign == "=")
        order = _ORDER[sign]
        return lambda values: order(_number(left(values)), _number(right(values)))

    def _operand(self) -> Operand:
        if self._at == len(self._tokens):
            raise self._confused("a name, a number or a text in quotes")
        kind, word, _ = self._tokens[self._at]
        if kind == "sign" or (kind == "word" and word in ("and", "or", "not")):
            raise self._confused("a name, a number or a text in quotes")
        self._at += 1
        if kind == "word" and word not in _WORDS:
            PlantPath.parse(word)
            self._names.append(word)
            return lambda values: _known(values[word])
        constant: Value = float(word) if kind == "number" else word if kind == "text" else word == "true"
        return lambda _: constant

    def _next(self, word: str) -> bool:
        if self._sees(word):
            self._at += 1
            return True
        return False

    def _sees(self, word: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at][:2] in (("word", word), ("sign", word))

    def _confused(self, wanted: str = "and, or, or nothing more") -> Invalid:
        place = self._tokens[self._at][2][0] if self._at < len(self._tokens) else len(self._text)
        rest = self._text[place : place + 20].strip()
        where = f"at {rest!r}" if rest else "at its end"
        return Invalid(f"The interlock {self._text!r} is not understood {where}: {wanted} was expected.", hint=_HOW)


_HOW = 'Write it like: speed = 0 and guard-closed and mode != "Auto".'


def _tokens(text: str) -> Iterator[tuple[str, str, tuple[int, int]]]:
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None:
            raise Invalid(f"The interlock {text!r} is not understood at {text[at:].strip()[:20]!r}.", hint=_HOW)
        number, quoted, sign, word = found.groups()
        kind, said = next(
            (kind, said)
            for kind, said in (("number", number), ("text", quoted), ("sign", sign), ("word", word))
            if said is not None
        )
        begin = found.start() + len(found[0]) - len(found[0].lstrip())
        yield kind, said, (begin, found.end())
        at = found.end()


def _known(value: Value | None) -> Value:
    assert value is not None
    return value


def _true(value: Value) -> bool:
    """A value standing alone holds when it is true or another number than 0; a text never does."""
    return not isinstance(value, str) and bool(value)


def _number(value: Value) -> float:
    """Texts are in no order: every comparison with one is false."""
    return float("nan") if isinstance(value, str) else float(value)
