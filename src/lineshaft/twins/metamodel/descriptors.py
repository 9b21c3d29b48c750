"""Descriptors of a registry: where a shell or a submodel can be reached (IDTA-01002 3.1).

Our own shells and submodels describe themselves: `of_shell` and `of_submodel` make their descriptors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from .checking import Finding, check
from .kinds import Json

_COMMON = ("idShort", "displayName", "description", "administration", "extensions")
_OF_SUBMODEL = ("id", *_COMMON, "semanticId", "supplementalSemanticIds")
_Head = msgspec.defstruct("_Head", [(name, Any, None) for name in _OF_SUBMODEL])
_TEXTS = ("id", "idShort", "globalAssetId", "assetType")
_LONGEST = {"id": 2048, "idShort": 128, "globalAssetId": 2048, "assetType": 2048}
_ASSET_KINDS = ("Type", "Instance", "Role", "NotApplicable")
_ENDPOINT = ("href", "endpointProtocol", "subprotocol", "subprotocolBody", "subprotocolBodyEncoding")


def of_shell(shell: Json, submodels: Sequence[Json], href: str, version: str) -> Json:
    """The descriptor of a shell of ours; `submodels` are descriptors."""
    asset = shell.get("assetInformation") or {}
    found = {"id": shell["id"], **_some(shell, *_COMMON)}
    found |= _some(asset, "assetKind", "assetType", "globalAssetId", "specificAssetIds")
    found["endpoints"] = [_endpoint(f"AAS-{version}", href)]
    return found | ({"submodelDescriptors": list(submodels)} if submodels else {})


def of_submodel(submodel: bytes, href: str, version: str) -> Json:
    """The descriptor of a submodel of ours; its elements, which may be many, are passed over unread."""
    found = _some(msgspec.structs.asdict(msgspec.json.decode(submodel, type=_Head)), *_OF_SUBMODEL)
    return found | {"endpoints": [_endpoint(f"SUBMODEL-{version}", href)]}


def _some(thing: Json, *names: str) -> Json:
    return {name: thing[name] for name in names if thing.get(name) is not None}


def _endpoint(interface: str, href: str) -> Json:
    protocol = href.partition(":")[0].upper()
    about = {"href": href, "endpointProtocol": protocol, "endpointProtocolVersion": ["1.1"]}
    return {"interface": interface, "protocolInformation": about}


def findings(descriptor: Any, *, of_a_shell: bool) -> list[Finding]:
    """What is wrong with a descriptor."""
    return list(_wrong(descriptor, "", of_a_shell=of_a_shell))


def _wrong(descriptor: Any, path: str, *, of_a_shell: bool) -> Iterator[Finding]:
    if not isinstance(descriptor, dict):
        yield _finding(path, "is not an object")
        return
    if not descriptor.get("id"):
        yield _finding(f"{path}id", "is missing")
    for name in _TEXTS:
        text = descriptor.get(name, "x")
        if not isinstance(text, str) or not 0 < len(text) <= _LONGEST[name]:
            yield _finding(f"{path}{name}", f"is not text of 1 to {_LONGEST[name]} characters")
    yield from _endpoints(descriptor, path, needed=not of_a_shell)
    yield from _references(descriptor, path)
    if of_a_shell:
        yield from _of_shell(descriptor, path)


def _of_shell(descriptor: Json, path: str) -> Iterator[Finding]:
    if descriptor.get("assetKind", "Instance") not in _ASSET_KINDS:
        yield _finding(f"{path}assetKind", f"is none of {', '.join(_ASSET_KINDS)}")
    for index, one in enumerate(_list(descriptor, "specificAssetIds")):
        yield from _checked(one, "SpecificAssetId", f"{path}specificAssetIds/{index}")
    seen: set[str] = set()
    for index, one in enumerate(_list(descriptor, "submodelDescriptors")):
        place = f"{path}submodelDescriptors/{index}/"
        yield from _wrong(one, place, of_a_shell=False)
        id_ = one.get("id") if isinstance(one, dict) else None
        if isinstance(id_, str):
            if id_ in seen:
                yield _finding(f"{place}id", "is there twice")
            seen.add(id_)


def _endpoints(descriptor: Json, path: str, *, needed: bool) -> Iterator[Finding]:
    endpoints = descriptor.get("endpoints")
    if endpoints is None and not needed:
        return
    if not isinstance(endpoints, list) or (needed and not endpoints):
        yield _finding(f"{path}endpoints", "is not a list of endpoints")
        return
    for index, one in enumerate(endpoints):
        place = f"{path}endpoints/{index}"
        about = one.get("protocolInformation") if isinstance(one, dict) else None
        if not isinstance(about, dict) or not isinstance(one.get("interface"), str):
            yield _finding(place, "has no 'interface' and 'protocolInformation'")
        elif not about.get("href") or not all(isinstance(about.get(name, ""), str) for name in _ENDPOINT):
            yield _finding(f"{place}/protocolInformation", "has no 'href', or a part that is not text")


def _references(descriptor: Json, path: str) -> Iterator[Finding]:
    if "semanticId" in descriptor:
        yield from _checked(descriptor["semanticId"], "Reference", f"{path}semanticId")
    for index, one in enumerate(_list(descriptor, "supplementalSemanticIds")):
        yield from _checked(one, "Reference", f"{path}supplementalSemanticIds/{index}")


def _list(descriptor: Json, name: str) -> list[Any]:
    found = descriptor.get(name)
    return found if isinstance(found, list) else ([] if found is None else [found])


def _checked(thing: Any, kind: str, path: str) -> Iterator[Finding]:
    if not isinstance(thing, dict):
        yield _finding(path, f"is not a {kind}")
        return
    for one in check(thing, kind, most=1):
        yield Finding(constraint=one.constraint, path=f"{path}/{one.path}".rstrip("/"), message=one.message)


def _finding(path: str, message: str) -> Finding:
    return Finding(constraint="", path=path.rstrip("/"), message=message)
