"""Calls methods: arguments typed as the method declares them, and what it gives back as plain values."""

from __future__ import annotations

from collections.abc import Sequence

from asyncua import ua
from asyncua.common.ua_utils import data_type_to_variant_type

from lineshaft.edge.connectors import Problem, Tag
from lineshaft.kernel.errors import Forbidden as Shut
from lineshaft.kernel.errors import Invalid, PlatformError, Unavailable
from lineshaft.kernel.terms import PlantPath, Value

from .address import Address, parse
from .link import Codes, Link
from .settings import MethodSettings
from .space import ends
from .values import meaning, to_text
from .write import raw_of

_SHUT = {Codes.BadUserAccessDenied, Codes.BadNotExecutable}
_WRONG = {Codes.BadInvalidArgument, Codes.BadArgumentsMissing, Codes.BadTooManyArguments, Codes.BadTypeMismatch,
          Codes.BadOutOfRange}  # fmt: skip


def wrong(path: PlantPath, method: MethodSettings) -> Problem | None:
    """What is wrong with how a method is named, found without the server."""
    for address in (method.object or method.method, method.method):
        try:
            PlantPath.parse(path)
            parse(address)
        except Invalid as error:
            return Problem(path=path, message=error.message, hint=error.hint)
    return None


async def call(link: Link, path: PlantPath, method: MethodSettings, arguments: Sequence[Value]) -> list[Value | None]:
    """Call and return what the method gives back."""
    node = await _node(link, method.method)
    object_ = await (_node(link, method.object) if method.object else _owner(link, path, node))
    request = ua.CallMethodRequest(ObjectId=object_, MethodId=node)
    request.InputArguments = await _inputs(link, path, node, arguments)
    (answer,) = await link.session.call([request])
    if not answer.StatusCode.is_good():
        raise _refusal(path, answer.StatusCode.value)
    return [_plain(one.Value) for one in answer.OutputArguments or ()]


async def _node(link: Link, address: str) -> ua.NodeId:
    found: Address = parse(address)
    if not found.browse:
        return found.node(link.namespaces)
    (node,) = await ends(link, [found.browse])
    if node is None:
        raise Invalid(f"The server has no node at {address}.", hint="Browse the server for its name.")
    return node


async def _owner(link: Link, path: PlantPath, node: ua.NodeId) -> ua.NodeId:
    """The object that has a method; a method of a type may have many, and then one must be named."""
    found = await link.client.get_node(node).get_references(
        ua.ObjectIds.HasComponent, ua.BrowseDirection.Inverse, ua.NodeClass.Object
    )
    if len(found) != 1:
        raise Invalid(
            f"{len(found) or 'No'} objects of the server have the method of {path}.",
            hint="Name its `object` in the connection's methods.",
        )
    owner: ua.NodeId = found[0].NodeId
    return owner


async def _inputs(link: Link, path: PlantPath, node: ua.NodeId, arguments: Sequence[Value]) -> list[ua.Variant]:
    """The arguments as the method's InputArguments say."""
    declared = await _declared(link, node)
    if len(declared) != len(arguments):
        names = ", ".join(one.Name for one in declared) or "none"
        raise Invalid(f"{path} takes {len(declared)} arguments, not {len(arguments)}.", hint=f"It takes: {names}.")
    typed = []
    for one, value in zip(declared, arguments, strict=True):
        kind = await data_type_to_variant_type(link.client.get_node(one.DataType))
        tag = Tag(path=path.child(one.Name or "argument"), address="")
        typed.append(ua.Variant(raw_of(value, tag, kind, {}), kind))
    return typed


async def _declared(link: Link, node: ua.NodeId) -> list[ua.Argument]:
    try:
        inputs = await link.client.get_node(node).get_child("0:InputArguments")
        return list(await inputs.read_value() or ())
    except (ua.uaerrors.BadNoMatch, ua.uaerrors.BadNotFound):
        return []


def _refusal(path: PlantPath, status: int) -> PlatformError:
    why = f"The machine does not carry out {path}: {meaning(status)}."
    if status in _SHUT:
        return Shut(why, hint="Allow the call on the server, for the user the connection signs in with.")
    return Invalid(why) if status in _WRONG else Unavailable(why)


def _plain(value: object) -> Value | None:
    if value is None or isinstance(value, float | int | bool | str):
        return value
    return to_text(value)
