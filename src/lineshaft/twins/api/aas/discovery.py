"""Discovery: which shells stand for an asset, by its ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lineshaft.kernel.errors import Invalid
from lineshaft.twins.model.repository import Json, Link

from .asked import after, few, limit, link, links, paged
from .call import NOTHING, Answer, Call, dump
from .tree import Route

MOST = 1_000
"""Asset ids in one body."""


def routes() -> Iterator[Route]:
    """Looking shells up, and telling by which ids they are found."""
    yield Route("GET", "/lookup/shells", by_query, "ids of shells by `assetIds` (deprecated in 3.1)")
    yield Route("POST", "/lookup/shellsByAssetLink", by_body, "ids of shells that have all these asset ids")
    yield Route("GET", "/lookup/shells/{aasId}", read, "the asset ids a shell is found by")
    yield Route("POST", "/lookup/shells/{aasId}", write, "say by which asset ids a shell is found")
    yield Route("DELETE", "/lookup/shells/{aasId}", drop, "forget what was said about a shell")


async def by_query(call: Call) -> Answer:
    """Look shells up by query parameters."""
    return await _found(call, links(call))


async def by_body(call: Call) -> Answer:
    """Look shells up by a list of asset links."""
    body = await call.json()
    call.scope["lineshaft.asked"] = dump(body).decode()
    return await _found(call, few(_links(body)))


async def _found(call: Call, wanted: tuple[Link, ...]) -> Answer:
    found, next_ = await call.services.repository.shells_of(
        call.who, wanted, after=after(call, str) or "", limit=limit(call)
    )
    return paged(call, map(dump, found), next_)


def _links(body: Any) -> tuple[Link, ...]:
    if not isinstance(body, list) or len(body) > MOST:
        raise Invalid(f"The body is not a list of at most {MOST} asset ids.", hint='[{"name": "…", "value": "…"}]')
    return tuple(link(one) for one in body)


async def read(call: Call) -> Answer:
    """All asset ids of a shell, as 3.0 and 3.1 both have them: a plain list."""
    found = await call.services.repository.links_of(call.who, call.id("aasId"))
    return Answer(body=dump([_said(one) for one in found]))


async def write(call: Call) -> Answer:
    """Replace what was said about a shell; its own asset information counts besides."""
    found = await call.services.repository.put_links(call.who, call.id("aasId"), _links(await call.json()))
    return Answer(status=201, body=dump([_said(one) for one in found]))


async def drop(call: Call) -> Answer:
    """Forget what was said."""
    await call.services.repository.drop_links(call.who, call.id("aasId"))
    return NOTHING


def _said(one: Link) -> Json:
    return {"name": one.name, "value": one.value}
