"""Parameters every operation shares: pages, level, extent, conditions, filters (IDTA-01002 3.1)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.http import pack_cursor, unpack_cursor
from lineshaft.twins.metamodel import identifiers, references
from lineshaft.twins.model.repository import Filters, Link

from .call import Answer, Call, dump

T = TypeVar("T")
PAGE, PAGE_MOST = 100, 1000
"""Entries of a page when nobody says how many, and at most."""
SEMANTIC_MOST = 3072
LINKS_MOST = 100
"""Asset ids one can ask for at once."""
_PAGING = ("limit", "cursor")


@dataclass(frozen=True, slots=True)
class Shape:
    """What `level` and `extent` ask for."""

    core: bool = False
    blobs: bool = False


def shape(call: Call) -> Shape:
    """`level` and `extent`, checked."""
    if not call.scope["query_string"]:
        return _PLAIN
    level = _choice(call, "level", "deep", "core")
    extent = _choice(call, "extent", "withoutBlobValue", "withBlobValue")
    return Shape(core=level == "core", blobs=extent == "withBlobValue")


_PLAIN = Shape()


def no_shape(call: Call, *names: str) -> None:
    """Refuse modifiers where they mean nothing, as version 3.1 wants it."""
    shape(call)
    for name in names:
        if call.dialect.strict_modifiers and name in call.query:
            raise Invalid(f"{name} does not go with this form.", hint="Leave it out.")


def _choice(call: Call, name: str, *choices: str) -> str:
    found = call.one(name, choices[0])
    if found not in choices:
        raise Invalid(f"{name}={found[:40]!r} is unknown.", hint=f"Use {' or '.join(choices)}.")
    return found


def flag(call: Call, name: str, *, default: bool) -> bool:
    """A parameter that is true or false."""
    found = call.one(name, str(default)).lower()
    if found not in ("true", "false"):
        raise Invalid(f"{name}={found[:40]!r} is neither true nor false.")
    return found == "true"


# ---- pages ----


def limit(call: Call) -> int:
    """How many entries a page may have."""
    text = call.one("limit", str(PAGE))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) >= 1):
        raise Invalid(f"limit={text[:40]!r} is not a whole number of at least 1.")
    return min(int(text), PAGE_MOST)


def after(call: Call, kind: type[T], like: str = ".*") -> T | None:
    """Where the page begins: the key in the cursor, which must be one of this very listing.

    Anybody can write a cursor of their own: a text must be `like` those the listing makes.
    """
    if "cursor" not in call.query:
        return None
    cursor = call.one("cursor")
    found = unpack_cursor(cursor)
    ours = isinstance(found, list) and len(found) == 2 and found[0] == _listing(call)
    if not ours or not _is_key(found[1], kind, like):
        raise Invalid(f"{cursor[:80]!r} is not a cursor of this listing.", hint="Pass the one of the page before.")
    key: T = found[1]
    return key


def _is_key(key: Any, kind: type[Any], like: str) -> bool:
    if kind is int:
        return type(key) is int and 0 <= key < 1 << 63
    return isinstance(key, kind) and re.fullmatch(like, key, re.DOTALL) is not None


def cursor(call: Call, key: str | int) -> str:
    """What leads to the next page of this listing."""
    return pack_cursor(_listing(call), key)


def _listing(call: Call) -> str:
    """Names the listing: its address, its body for queries, and every parameter but those of paging."""
    parts = [call.scope["path"].rstrip("/").removeprefix(call.mount), call.scope.get("lineshaft.asked", "")]
    parts += [f"{name}={values}" for name, values in sorted(call.query.items()) if name not in _PAGING]
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=6).hexdigest()


def paged(call: Call, entries: Iterable[bytes], next_: str | int | None, **more: str) -> Answer:
    """One page: entries that are JSON already."""
    about = dict(more) if next_ is None else {"cursor": cursor(call, next_), **more}
    return Answer(body=b'{"paging_metadata":%b,"result":[%b]}' % (dump(about), b",".join(entries)))


def part(call: Call, things: list[T], name_of: Callable[[T], str]) -> tuple[list[T], str | int | None]:
    """The asked part of a list that is held whole, and where the next one begins.

    The cursor holds position and name of the last one shown: elements may come and go between two pages.
    """
    key = after(call, str, r"\d{1,9}:.*")
    start = 0
    if key is not None:
        position, _, last = key.partition(":")
        start = next((i + 1 for i, one in enumerate(things) if name_of(one) == last), int(position) + 1)
    end = start + limit(call)
    shown = things[start:end]
    return shown, f"{end - 1}:{name_of(shown[-1])}" if shown and end < len(things) else None


# ---- conditions ----


def if_match(call: Call) -> str:
    """The ETags a change insists on, as the header has them; '' without."""
    return call.header(b"if-match").strip()


# ---- filters ----


def links(call: Call) -> tuple[Link, ...]:
    """`assetIds`: base64url of `{"name": …, "value": …}`, repeated, or with commas as version 3.0 has it."""
    texts = [text for given in call.query.get("assetIds", ()) for text in given.split(",")]
    return few(link(decoded_json(text, "assetIds")) for text in texts[: LINKS_MOST + 1])


def few(found: Iterable[Link]) -> tuple[Link, ...]:
    """Asset ids somebody asks for, as many as can be asked for at once."""
    wanted = tuple(found)
    if len(wanted) > LINKS_MOST:
        raise Invalid(f"More than {LINKS_MOST} asset ids are asked for.", hint="A few of them find the shell.")
    return wanted


def link(told: Any) -> Link:
    """An asset link out of JSON."""
    if not isinstance(told, dict) or not all(isinstance(told.get(n), str) and told[n] for n in ("name", "value")):
        raise Invalid("An asset id is no object with the texts 'name' and 'value'.", hint='{"name": "…", "value": "…"}')
    return Link(name=told["name"], value=told["value"])


def decoded_json(text: str, name: str) -> Any:
    """The JSON inside a base64url parameter."""
    try:
        return orjson.loads(identifiers.decode_text(text))
    except orjson.JSONDecodeError as error:
        raise Invalid(
            f"{name} is base64url, but not of JSON.", hint="Encode the JSON as UTF-8, then base64url."
        ) from error


def meaning(call: Call, name: str) -> str:
    """A parameter that holds a Reference: what it comes down to; '' without the parameter."""
    text = call.one(name)
    if not text and name not in call.query:
        return ""
    if len(text) > SEMANTIC_MOST:
        raise Invalid(f"{name} has {len(text)} characters; {SEMANTIC_MOST} is the most.")
    found = references.semantic(decoded_json(text, name))
    if not found:
        raise Invalid(f"{name} is no Reference with keys.", hint='{"type": "ExternalReference", "keys": [{…}]}')
    return found


def decoded(call: Call, name: str) -> str:
    """A parameter that holds a base64url text; '' without it."""
    text = call.one(name)
    return identifiers.decode_id(text) if text or name in call.query else ""


def filters(call: Call) -> Filters:
    """What a listing of shells, submodels or concept descriptions is narrowed to."""
    if not call.scope["query_string"]:
        return _ALL
    return Filters(
        id_short=call.one("idShort"),
        semantic=meaning(call, "semanticId"),
        links=links(call),
        is_case_of=meaning(call, "isCaseOf"),
        data_specification=meaning(call, "dataSpecificationRef"),
    )


_ALL = Filters()
