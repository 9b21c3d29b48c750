"""A proper request for each of the operations, as a table over the routes of the API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from lineshaft.twins.api.aas import routes
from lineshaft.twins.files import to_bytes
from lineshaft.twins.metamodel.identifiers import encode_id

from .conftest import ENVIRONMENT, SM, TWO, A, S

CONCEPT = ENVIRONMENT["conceptDescriptions"][0]
REACHED = [{"interface": "SUBMODEL-3.1", "protocolInformation": {"href": "https://h/sm", "endpointProtocol": "HTTP"}}]
REGISTERED: dict[str, Any] = {
    "id": "https://example.com/reg/aas",
    "submodelDescriptors": [{"id": SM, "endpoints": REACHED}],
}
REGISTERED_SUBMODEL: dict[str, Any] = {"id": "https://example.com/reg/sm", "endpoints": REACHED}
PACKAGE = to_bytes(ENVIRONMENT)[0]
PROPERTY = {"modelType": "Property", "idShort": "Fresh", "valueType": "xs:string", "value": "f"}
SPEED = {"modelType": "Property", "idShort": "Speed", "valueType": "xs:int", "value": "5000"}
QUERIED = {
    "/query/shells": "$aas#idShort",
    "/query/submodels": "$sm#idShort",
    "/query/concept-descriptions": "$cd#idShort",
    "/query/shell-descriptors": "$aasdesc#idShort",
    "/query/submodel-descriptors": "$smdesc#idShort",
}
REFERENCE = {"type": "ModelReference", "keys": [{"type": "Submodel", "value": "https://example.com/sm/other"}]}
VALUES = ("/$value", "/invoke", "/invoke-async")
"""How addresses end at which an operator may change something."""


@dataclass(frozen=True)
class Asked:
    """One request of the table."""

    method: str
    route: str
    address: str
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.method} {self.route}"

    @property
    def reads(self) -> bool:
        return self.method == "GET" or self.route.startswith("/query/") or self.route == "/lookup/shellsByAssetLink"

    @property
    def lists(self) -> bool:
        """Whether it answers with what there is to see, be it nothing."""
        alone = {"/shells", "/submodels", "/concept-descriptions", "/shell-descriptors", "/submodel-descriptors"}
        return self.reads and (
            self.route in alone | {"/packages", "/lookup/shells", "/lookup/shellsByAssetLink", "/serialization"}
            or self.route.startswith(("/query/", "/shells/$", "/submodels/$"))
        )

    @property
    def operates(self) -> bool:
        return self.method in ("POST", "PATCH") and any(
            self.route.endswith((end, f"{end}/$value")) for end in VALUES if not self.reads
        )

    async def by(self, client: httpx.AsyncClient, mount: str) -> httpx.Response:
        return await client.request(self.method, mount + self.address, **self.more)


def table(handle: str, job: str) -> Iterator[Asked]:
    """A proper request for each operation."""
    for method, route in sorted({(one.method, one.address) for one in routes()}):
        names = {
            "{aasId}": encode_id(str(REGISTERED["id"])) if route.startswith("/shell-descriptors") else A,
            "{smId}": encode_id(REGISTERED_SUBMODEL["id"]) if route.startswith("/submodel-descriptors") else S,
            "{id}": S if "/submodel/" in f"{route}/".removeprefix("/one/{id}/aas") and "/aas" not in route else A,
            "{cdId}": encode_id(CONCEPT["id"]),
            "{packageId}": encode_id("kept"),
            "{handle}": job if route.startswith("/bulk") else handle,
            "{path}": f"AllKinds.{_element(method, route)}",
        }
        address = route
        for name, text in names.items():
            address = address.replace(name, text)
        yield Asked(method, route, address, _more(method, route))


def _element(method: str, route: str) -> str:
    if route.endswith("/attachment"):
        return "Fil"
    if "/invoke" in route or "/operation-" in route:
        return "Op"
    below = method == "POST" or route.endswith("{path}/$path")
    return "Coll" if below else "Prop"


def _more(method: str, route: str) -> dict[str, Any]:
    """The body of a request."""
    if (method, route[:5]) == ("DELETE", "/bulk"):
        return {"json": [(REGISTERED if "shell" in route else REGISTERED_SUBMODEL)["id"]]}
    if method in ("GET", "DELETE"):
        return {}
    if route.endswith(("/thumbnail", "/attachment")):
        return {"files": {"file": ("new.txt", b"new", "text/plain")}}
    if route.startswith("/packages"):
        return {"files": {"file": ("fresh.aasx", PACKAGE, "application/octet-stream")}}
    return {"json": _json(method, route)}


def _json(method: str, route: str) -> Any:
    shell, submodel = ENVIRONMENT["assetAdministrationShells"][0], ENVIRONMENT["submodels"][0]
    if route.startswith("/query"):
        return {"$condition": {"$ne": [{"$field": QUERIED[route]}, {"$strVal": "none"}]}}
    tail = route.removesuffix("/$value").rpartition("/")[2]
    match f"{tail}/$value" if route.endswith("/$value") else tail:
        case "shell-descriptors":
            return [REGISTERED] if "/bulk" in route else REGISTERED | {"id": "https://example.com/reg/fresh"}
        case "submodel-descriptors" if not route.startswith("/shell-descriptors"):
            fresh = REGISTERED_SUBMODEL | {"id": "https://example.com/reg/fresh"}
            return [REGISTERED_SUBMODEL] if "/bulk" in route else fresh
        case "submodel-descriptors":
            return {"id": TWO, "endpoints": REACHED}
        case "shellsByAssetLink":
            return [{"name": "serialNumber", "value": "SN1"}]
        case "{aasId}" if route.startswith("/lookup"):
            return [{"name": "batch", "value": "7"}]
        case "{aasId}" if route.startswith("/shell-descriptors"):
            return REGISTERED | {"idShort": "Changed"}
        case "{smId}" if "descriptors" in route:
            id_ = SM if route.startswith("/shell-") else REGISTERED_SUBMODEL["id"]
            return {"id": id_, "endpoints": REACHED, "idShort": "Changed"}
        case "{aasId}" | "aas":
            return shell | {"idShort": "Changed"}
        case "shells":
            return shell | {"id": "https://example.com/aas/fresh"}
        case "submodels":
            return submodel | {"id": "https://example.com/sm/fresh"}
        case "{smId}" | "submodel":
            changed = submodel | {"description": [{"language": "en", "text": "Changed"}]}
            return changed if method == "PUT" else {"description": changed["description"]}
        case "{smId}/$value" | "submodel/$value":
            return {"AllKinds": {"Prop": 7.5}}
        case "{path}/$value":
            return 7.5
        case "invoke" | "invoke-async":
            return {"inputArguments": [{"value": SPEED}]}
        case "invoke/$value" | "invoke-async/$value":
            return {"inputArguments": {"Speed": 5000}}
        case "asset-information":
            return shell["assetInformation"] | {"assetKind": "Type"}
        case "submodel-refs":
            return REFERENCE
        case "concept-descriptions":
            return CONCEPT | {"id": "fresh"}
        case "{cdId}":
            return CONCEPT | {"idShort": "Changed"}
        case "$metadata":
            named = {"displayName": [{"language": "en", "text": "Changed"}]}
            return named | ({"modelType": "Property", "valueType": "xs:double"} if "{path}" in route else {})
        case "submodel-elements":
            return PROPERTY
        case "{path}" if method == "POST":
            return PROPERTY
        case "{path}":
            return PROPERTY | {"idShort": "Prop", "valueType": "xs:double", "value": "9.5"}
    raise AssertionError(f"{method} {route} has no body in the table")
