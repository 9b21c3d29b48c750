"""Judges single values against what a template allows: choices, regular expressions, ranges, languages, types."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from pydantic_core import SchemaError, SchemaValidator, core_schema

from lineshaft.twins.metamodel.errors import BadValue
from lineshaft.twins.metamodel.kinds import MULTI_LANGUAGE, PROPERTY, RANGE, Json
from lineshaft.twins.metamodel.values import lexical

from .facts import Element

_SPAN = re.compile(r"([\[(])\s*([-+\d.eE]*)\s*[,;]\s*([-+\d.eE]*)\s*([\])])")


def wrong_value(said: Json, element: Element) -> str:
    """Why the value does not fit, in a few words; empty when it does or there is none."""
    if element.kind == MULTI_LANGUAGE:
        return _languages(said, element)
    if element.kind not in (PROPERTY, RANGE):
        return ""
    told = [said.get(name) for name in (("value",) if element.kind == PROPERTY else ("min", "max"))]
    texts = [text for text in told if isinstance(text, str)]
    return next((reason for text in texts if (reason := _text(text, said.get("valueType", ""), element))), "")


def _languages(said: Json, element: Element) -> str:
    there = {str(one.get("language", "")).split("-")[0] for one in said.get("value") or ()}
    lacking = [one for one in element.languages if one not in there]
    return f"the text lacks the language {lacking[0]}" if there and lacking else ""


def _text(text: str, type_: str, element: Element) -> str:
    shown = repr(text[:60])
    try:
        lexical(type_, text)
    except BadValue as error:
        return error.reason
    if element.choices and text.strip() not in element.choices:
        return f"{shown} is none of {', '.join(element.choices)}"
    if element.allowed and not any(matches(pattern, text) for pattern in element.allowed):
        return f"{shown} does not match {element.allowed[0]!r}"
    if element.span and not within(element.span, text):
        return f"{shown} is outside {element.span}"
    return ""


def matches(pattern: str, text: str) -> bool:
    """Whether the whole text matches, in a time that grows with its length; what is no pattern holds nobody."""
    judge = _judge(pattern)
    return judge is None or judge.isinstance_python(text)


@lru_cache(maxsize=256)
def _judge(pattern: str) -> SchemaValidator | None:
    """Patterns come from strangers' files: this engine never backtracks, and refuses patterns that would need it."""
    try:
        return SchemaValidator(core_schema.str_schema(pattern=rf"\A(?:{pattern})\z", regex_engine="rust-regex"))
    except SchemaError:
        return None


def within(span: str, text: str) -> bool:
    """Whether a number lies in `[low,high]`; round brackets leave the end out, an empty end is open."""
    found = _SPAN.fullmatch(span.strip())
    try:
        number = Decimal(text.strip())
        if found is None:
            return True
        low, high = (Decimal(end) if end else None for end in (found[2], found[3]))
    except InvalidOperation:
        return True
    above = low is None or number > low or (found[1] == "[" and number == low)
    below = high is None or number < high or (found[4] == "]" and number == high)
    return above and below
