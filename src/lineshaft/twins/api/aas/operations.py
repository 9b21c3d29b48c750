"""Operations over HTTP: invoke and wait, or invoke and ask later."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

from lineshaft.kernel.errors import Invalid
from lineshaft.twins.metamodel import V31, checking, forms, paths
from lineshaft.twins.metamodel.kinds import Json
from lineshaft.twins.model.operations import Invocation, Outcome, Rehearsal

from .asked import flag
from .call import Answer, Call, told
from .roots import SUBMODEL_ROOTS, SubmodelRoot
from .tree import Route

_DURATION = re.compile(r"P(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,8}(?:\.\d{1,6})?)S)?)?")


def routes() -> Iterator[Route]:
    """The six addresses of an operation, under every address a submodel has."""
    for root in SUBMODEL_ROOTS:
        at = f"{root.address}/submodel-elements/{{path}}"
        for plain, tail in ((False, ""), (True, "/$value")):
            yield Route("POST", f"{at}/invoke{tail}", partial(invoke, root, plain), "invoke the operation and wait")
            yield Route("POST", f"{at}/invoke-async{tail}", partial(start, root, plain), "invoke the operation")
            result = f"{at}/operation-results/{{handle}}{tail}"
            yield Route("GET", result, partial(outcome, root, plain), "how an invocation ended")
        yield Route("GET", f"{at}/operation-status/{{handle}}", partial(status, root), "how far an invocation is")


async def invoke(root: SubmodelRoot, plain: bool, call: Call) -> Answer:
    """Invoke and wait for the outcome; with `dryRun=true` (ours, beside the standard) only say what would be done."""
    invocation = await _asked(root, call, plain=plain)
    if flag(call, "dryRun", default=False):
        return told(_rehearsed(await call.services.operations.rehearse(call.who, invocation)))
    found = await call.services.operations.invoke(call.who, invocation)
    return told(_said(found, plain=plain))


async def start(root: SubmodelRoot, plain: bool, call: Call) -> Answer:
    """Invoke; the answer says where to ask how far it is."""
    invocation = await _asked(root, call, plain=plain)
    handle = await call.services.operations.start(call.who, invocation)
    return Answer(status=202, headers=(("location", _place(root, call, "operation-status", handle)),))


async def status(root: SubmodelRoot, call: Call) -> Answer:
    """200 while it runs, 302 to the results once it ended."""
    handle = call.names["handle"]
    state = await call.services.operations.state(call.who, await root.id(call), call.names["path"], handle)
    if state.ended:
        return Answer(status=302, headers=(("location", _place(root, call, "operation-results", handle)),))
    return told({"executionState": state.value})


def _place(root: SubmodelRoot, call: Call, what: str, handle: str) -> str:
    """The address itself: '../', as the specification shows it, would lead one level too high by RFC 3986."""
    return f"{root.location(call)}/submodel-elements/{quote(call.names['path'], safe='')}/{what}/{handle}"


async def outcome(root: SubmodelRoot, plain: bool, call: Call) -> Answer:
    """How it ended; a late failure is an outcome too."""
    submodel, path = await root.id(call), call.names["path"]
    found = await call.services.operations.outcome(call.who, submodel, path, call.names["handle"])
    return told(_said(found, plain=plain))


async def _asked(root: SubmodelRoot, call: Call, *, plain: bool) -> Invocation:
    path = call.names["path"]
    paths.parse(path)
    body = await call.value() if plain else await call.json()
    if not isinstance(body, dict):
        raise Invalid("The body is not a JSON object.", hint='{"inputArguments": …, "clientTimeoutDuration": "PT60S"}')
    read = _values if plain else _elements
    return await call.services.operations.prepare(
        call.who,
        await root.id(call),
        path,
        inputs=read(body, "inputArguments"),
        inoutputs=read(body, "inoutputArguments"),
        within=duration(body.get("clientTimeoutDuration")),
    )


def _values(body: Json, name: str) -> Any:
    found = body.get(name) or {}
    if not isinstance(found, dict):
        raise Invalid(f"{name} is not an object of values by idShort.")
    return found


def _elements(body: Json, name: str) -> list[Json]:
    found = body.get(name) or []
    if not isinstance(found, list) or not all(isinstance(one, dict) and "value" in one for one in found):
        raise Invalid(f'{name} is not a list of {{"value": element}}.')
    for one in found:
        if not isinstance(one["value"], dict):
            raise Invalid(f"{name}: {str(one['value'])[:60]!r} is not a submodel element.")
        for finding in checking.check(one["value"], most=1):
            raise Invalid(f"{name}: {finding.path} {finding.message}".replace("  ", " "))
    return [one["value"] for one in found]


def duration(text: Any) -> timedelta | None:
    """An xs:duration of days and less; None without one."""
    if text is None:
        return None
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None or not any(found.groups()):
        raise Invalid(f"clientTimeoutDuration {str(text)[:40]!r} is not a duration.", hint="Write PT60S.")
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _rehearsed(found: Rehearsal) -> Json:
    """What would be done as information, what speaks against it as errors."""
    told_ = [("Info", str(step)) for step in found.steps if not step.problem] + [
        ("Error", one) for one in found.problems
    ]
    return {
        "executionState": "Initiated",
        "success": not found.problems,
        "outputArguments": [],
        "messages": [{"messageType": kind, "text": text} for kind, text in told_],
    }


def _said(found: Outcome, *, plain: bool) -> Json:
    said: Json = {"executionState": found.state.value, "success": found.success}
    if found.messages:
        said["messages"] = [{"messageType": "Error", "text": text} for text in found.messages]
    for name, elements in (("outputArguments", found.outputs), ("inoutputArguments", found.inoutputs)):
        if elements or name == "outputArguments":
            said[name] = forms.named_values(list(elements), V31) if plain else [{"value": one} for one in elements]
    return said
