"""Many descriptors at once: 202, then a status that leads to the result."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from lineshaft.kernel.errors import Invalid
from lineshaft.twins.model.repository import Json, Verb

from .call import NOTHING, Answer, Call, told
from .registry import SHELLS, SUBMODELS, Registry
from .tree import Route

_VERBS = {"POST": Verb.CREATED, "PUT": Verb.CHANGED, "DELETE": Verb.DELETED}
_WORDS = {"POST": "register", "PUT": "replace or register", "DELETE": "take out"}


def routes() -> Iterator[Route]:
    """Three verbs for both registries, status and result."""
    for of in (SHELLS, SUBMODELS):
        for method, verb in _VERBS.items():
            words = f"{_WORDS[method]} many {of.kind.words}s, all or none"
            yield Route(method, f"/bulk/{of.address}", partial(start, of, verb), words)
    yield Route("GET", "/bulk/status/{handle}", status, "how far a bulk request is")
    yield Route("GET", "/bulk/result/{handle}", result, "how a bulk request ended")


async def start(of: Registry, verb: Verb, call: Call) -> Answer:
    """Begin."""
    body = await call.json()
    if not isinstance(body, list):
        raise Invalid("The body is not a list.", hint="Send descriptors, or ids to delete.")
    things: list[Json] = [_identified(one) for one in body] if verb is Verb.DELETED else body
    handle = await call.services.bulk.start(call.who, of.kind, verb, things)
    return Answer(status=202, headers=(("location", call.at("bulk", "status", handle)),))


def _identified(told_: Any) -> Json:
    id_ = told_.get("id") if isinstance(told_, dict) else told_
    if not isinstance(id_, str):
        raise Invalid(f"{str(id_)[:60]!r} is not an id.", hint="Send a list of ids.")
    return {"id": id_}


async def status(call: Call) -> Answer:
    """200 while it runs, 302 to the result once that is known."""
    handle = call.names["handle"]
    if not call.services.bulk.done(call.who, handle):
        return told({"executionState": "Running"})
    return Answer(status=302, headers=(("location", call.at("bulk", "result", handle)),))


async def result(call: Call) -> Answer:
    """204 when all is done; else what was wrong, and nothing is."""
    error = await call.services.bulk.result(call.who, call.names["handle"])
    if error is not None:
        raise error
    return NOTHING
