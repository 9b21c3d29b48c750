"""Twins over HTTP: the tree, types, proposals, and how everything is now.

Who changes a twin sends the version they saw as `If-Match`, as it came in `ETag`; `*` forces the change.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.responses import StreamingResponse

from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.http import Slice, caller, pack_cursor, unpack_cursor
from lineshaft.security import Who
from lineshaft.twins.model import (
    AssetType,
    Condition,
    Draft,
    Found,
    Level,
    Overview,
    PointState,
    Proposed,
    Twin,
)
from lineshaft.twins.service import Twins

from .bodies import Ask, BriefOut, ChangeOut, Changes, FromTemplate, Move, Paths, StateOut, TwinOut, ValueOut

Caller = Annotated[Who, Depends(caller)]
Limit = Annotated[int, Query(ge=1, le=1000)]
IfMatch = Annotated[str | None, Header()]
ALIVE_S = 15.0
"""A stream says at least this often that it is still there."""


def router(twins: Twins) -> APIRouter:
    """The routes of twins, below /api/v1."""
    api = APIRouter(prefix="/twins", tags=["twins"])
    _looking(api, twins)
    _changing(api, twins)
    _types(api, twins)
    _adoption(api, twins)
    _now(api, twins)
    return api


def _looking(api: APIRouter, twins: Twins) -> None:
    @api.get("")
    async def list_twins(
        who: Caller,
        under: str = "",
        words: str = "",
        type_: Annotated[str, Query(alias="type")] = "",
        level: Annotated[list[Level], Query()] = [],  # noqa: B006 - FastAPI copies it
        cursor: str = "",
        limit: Limit = 100,
    ) -> Slice[TwinOut]:
        """Twins of a subtree by path; every word must occur in name, title or type."""
        found = await twins.list_(
            who, under=under, words=words, type_=type_, levels=level, after=_after(cursor), limit=limit
        )
        return _page(found, limit)

    @api.get("/tree")
    async def tree(who: Caller, path: str = "", cursor: str = "", limit: Limit = 100) -> Slice[TwinOut]:
        """What is right below a path; without one, the tops of what you may see."""
        return _page(await twins.children(who, path, after=_after(cursor), limit=limit), limit)

    @api.get("/nodes/{path:path}")
    async def get_twin(who: Caller, path: str, response: Response) -> TwinOut:
        """One twin; its version comes in `ETag`."""
        return _tagged(await twins.get(who, path), response)

    @api.get("/history/{path:path}")
    async def history(who: Caller, path: str, cursor: str = "", limit: Limit = 50) -> Slice[ChangeOut]:
        """The changes of a twin, newest first; also of one that was retired."""
        found = await twins.history(who, path, before=_after(cursor), limit=limit)
        return Slice(items=[ChangeOut.of(c) for c in found], next=_next([one.id for one in found], limit))


def _changing(api: APIRouter, twins: Twins) -> None:
    @api.post("", status_code=201)
    async def create(who: Caller, draft: Draft, response: Response, with_parents: bool = False) -> TwinOut:
        """A new twin; `with_parents` also makes what is missing above it."""
        return _tagged(await twins.create(who, draft, with_parents=with_parents), response, made=True)

    @api.post("/from-template", status_code=201)
    async def from_template(who: Caller, body: FromTemplate, response: Response) -> TwinOut:
        """A new machine of a type; what is missing above it is made."""
        made = await twins.from_template(who, body.template, body.path, title=body.title)
        return _tagged(made, response, made=True)

    @api.patch("/nodes/{path:path}")
    async def change(who: Caller, path: str, body: Changes, response: Response, if_match: IfMatch = None) -> TwinOut:
        """Change a twin. 409 names both versions when somebody was faster."""
        version = _version(if_match)
        draft = body.on((await twins.get(who, path)).draft)
        return _tagged(await twins.change(who, draft, version=version), response)

    @api.delete("/nodes/{path:path}")
    async def retire(who: Caller, path: str, if_match: IfMatch = None) -> ChangeOut:
        """Retire a twin and all below it; the answer's `id` undoes it."""
        return ChangeOut.of(await twins.retire(who, path, version=_version(if_match)))

    @api.post("/moves")
    async def move(who: Caller, body: Move, response: Response) -> TwinOut:
        """Move a twin with all below it; values stay bound to where they come from."""
        return _tagged(await twins.move(who, body.path, body.to, version=body.version), response)

    @api.post("/undo/{change}")
    async def undo(who: Caller, change: str) -> ChangeOut:
        """Take a change back."""
        return ChangeOut.of(await twins.undo(who, change))


def _types(api: APIRouter, twins: Twins) -> None:
    @api.get("/templates")
    async def templates(who: Caller) -> list[AssetType]:
        """The library of types that comes with the platform."""
        return twins.types.templates(who)

    @api.get("/types/{organisation}")
    async def types(who: Caller, organisation: str) -> list[AssetType]:
        """Every type an organisation can use."""
        return await twins.types.list_(who, organisation)

    @api.get("/types/{organisation}/{name}")
    async def get_type(who: Caller, organisation: str, name: str, response: Response) -> AssetType:
        """One type; its version comes in `ETag`."""
        kind = await twins.types.get(who, organisation, name)
        response.headers["ETag"] = f'"{kind.version}"'
        return kind

    @api.put("/types/{organisation}/{name}")
    async def put_type(
        who: Caller, organisation: str, name: str, kind: AssetType, response: Response, if_match: IfMatch = None
    ) -> AssetType:
        """Add a type (`If-Match: "0"`) or change it; its twins follow at once."""
        named = replace(kind, name=name)
        saved = await twins.types.put(who, organisation, named, version=_version(if_match))
        response.headers["ETag"] = f'"{saved.version}"'
        return saved

    @api.delete("/types/{organisation}/{name}", status_code=204)
    async def drop_type(who: Caller, organisation: str, name: str, if_match: IfMatch = None) -> Response:
        """Remove an organisation's own type; refused while twins need it."""
        await twins.types.drop(who, organisation, name, version=_version(if_match))
        return Response(status_code=204)


def _adoption(api: APIRouter, twins: Twins) -> None:
    @api.get("/unplaced")
    async def unplaced(who: Caller, under: str = "", cursor: str = "", limit: Limit = 100) -> Slice[Found]:
        """Series that no twin reads."""
        found = await twins.adoption.unplaced(who, under, after=_after(cursor), limit=limit)
        return Slice(items=found, next=_next([one.path for one in found], limit))

    @api.post("/unplaced/decline")
    async def decline(who: Caller, body: Paths) -> dict[str, int]:
        """Leave these series without a place until somebody adopts them by hand."""
        await twins.adoption.decline(who, body.paths, declined=body.declined)
        return {"series": len(body.paths)}

    @api.post("/proposals")
    async def propose(who: Caller, body: Ask) -> list[Proposed]:
        """A tree for series; nothing is changed."""
        return await twins.adoption.propose(who, body.series, under=body.under)

    @api.post("/proposals/accept")
    async def accept(who: Caller, body: list[Proposed]) -> ChangeOut:
        """Make these proposed twins, all or none."""
        return ChangeOut.of(await twins.adoption.accept(who, body))


def _now(api: APIRouter, twins: Twins) -> None:
    @api.get("/state/{path:path}")
    async def state(who: Caller, path: str) -> StateOut:
        """Every property of a twin with value, quality and age."""
        return StateOut.of(await twins.now.state(who, path))

    @api.get("/overview")
    async def overview(who: Caller, path: str = "", attention: Annotated[int, Query(ge=0, le=1000)] = 50) -> Overview:
        """A subtree in numbers, its branches, and what needs attention."""
        return await twins.now.overview(who, path, attention=attention)

    @api.get("/briefs")
    async def briefs(
        who: Caller, path: str = "", condition: Condition | None = None, cursor: str = "", limit: Limit = 100
    ) -> Slice[BriefOut]:
        """The machines of a subtree in short."""
        found = await twins.now.briefs(who, path, condition=condition, after=_after(cursor), limit=limit)
        return Slice(items=[BriefOut.of(b) for b in found], next=_next([one.path for one in found], limit))

    @api.get("/stream/{path:path}", response_class=StreamingResponse)
    async def stream(
        who: Caller, path: str, every_ms: Annotated[int, Query(ge=50, le=60_000)] = 500
    ) -> StreamingResponse:
        """Server-sent events: all values of a subtree, then those that change (`event: values`)."""
        await twins.get(who, path)
        source = twins.now.watch(who, path, every_s=every_ms / 1000)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(_events(source), media_type="text/event-stream", headers=headers)


async def _events(source: AsyncIterator[list[PointState]]) -> AsyncIterator[bytes]:
    """Lists of values as server-sent events, with a sign of life in quiet times."""
    waiting: asyncio.Task[list[PointState]] | None = None
    try:
        yield b": here\n\n"
        while True:
            waiting = waiting or asyncio.ensure_future(anext(source))
            done, _ = await asyncio.wait([waiting], timeout=ALIVE_S)
            if not done:
                yield b": still here\n\n"
                continue
            changed, waiting = waiting.result(), None
            told = [ValueOut.of(p).model_dump(mode="json") for p in changed]
            yield b"event: values\ndata: " + msgspec.json.encode(told) + b"\n\n"
    except StopAsyncIteration:
        yield b"event: end\ndata: {}\n\n"
    finally:
        if waiting is not None:
            waiting.cancel()


def _tagged(twin: Twin, response: Response, *, made: bool = False) -> TwinOut:
    response.headers["ETag"] = twin.etag
    if made:
        response.headers["Location"] = f"/api/v1/twins/nodes/{twin.path}"
    return TwinOut.of(twin)


def _page(found: list[Twin], limit: int) -> Slice[TwinOut]:
    return Slice(items=[TwinOut.of(t) for t in found], next=_next([one.path for one in found], limit))


def _next(keys: Sequence[str], limit: int) -> str | None:
    """The cursor of the page after this one; None when this one was not full."""
    return pack_cursor(str(keys[-1])) if len(keys) == limit else None


def _after(cursor: str) -> str:
    return str(unpack_cursor(cursor)[0]) if cursor else ""


def _version(if_match: str | None) -> int | None:
    """The version the caller saw; None forces."""
    if if_match is None:
        raise Invalid(
            "A change needs the version it is based on.", hint='Send If-Match: "<version>" from ETag, or * to force.'
        )
    if if_match.strip() == "*":
        return None
    try:
        return int(if_match.strip().removeprefix("W/").strip('"'))
    except ValueError as error:
        raise Invalid(
            f"If-Match: {if_match} is not a version.", hint='Send it as it came in ETag, such as "3".'
        ) from error
