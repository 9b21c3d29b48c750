"""The terms of an interface description: what each means, and its name in a Thing Description.

Facts from IDTA 02017-1-1 (Industrial Digital Twin Association, CC-BY-4.0) and W3C WoT TD 1.1.
"""

from __future__ import annotations

from typing import Any, Final

from lineshaft.twins.metamodel.kinds import Json

TD: Final = "https://www.w3.org/2022/wot/td/v1.1"
AID: Final = "https://admin-shell.io/idta/AssetInterfacesDescription/1/0/"
SUBMODEL: Final = "https://admin-shell.io/idta/AssetInterfacesDescription/1/1/Submodel"
_WOT: Final = "https://www.w3.org/2019/wot/"
_IOL: Final = "https://admin-shell.io/idta/AssetInterfacesDescription/1/1/IO-Link/"
PREFIXES: Final = {
    "htv": "http://www.w3.org/2011/http#", "modv": f"{_WOT}modbus#", "mqv": f"{_WOT}mqtt#",
    "uav": "http://opcfoundation.org/UA/WoT-Binding/", "bacv": "http://www.w3.org/2022/bacnet#", "iolv": _IOL,
    "aid": AID,
}  # fmt: skip
MEANINGS: Final = {
    "title": f"{_WOT}td#title", "created": "http://purl.org/dc/terms/created",
    "modified": "http://purl.org/dc/terms/modified", "support": f"{_WOT}td#supportContact",
    "EndpointMetadata": f"{AID}EndpointMetadata", "base": f"{_WOT}td#baseURI",
    "contentType": f"{_WOT}hypermedia#forContentType", "security": f"{_WOT}td#hasSecurityConfiguration",
    "securityDefinitions": f"{_WOT}td#definesSecurityScheme", "scheme": f"{_WOT}security#SecurityScheme",
    "InteractionMetadata": f"{AID}InteractionMetadata", "properties": f"{_WOT}td#PropertyAffordance",
    "actions": f"{_WOT}td#ActionAffordance", "events": f"{_WOT}td#EventAffordance", "key": f"{AID}key",
    "type": "https://www.w3.org/1999/02/22-rdf-syntax-ns#type", "observable": f"{_WOT}td#isObservable",
    "const": f"{_WOT}json-schema#const", "enum": f"{_WOT}json-schema#enum", "default": f"{_WOT}json-schema#default",
    "unit": "https://schema.org/unitCode", "min_max": f"{AID}minMaxRange", "lengthRange": f"{AID}lengthRange",
    "itemsRange": f"{AID}itemsRange", "items": f"{_WOT}json-schema#items", "valueSemantics": f"{AID}valueSemantics",
    "uriVariables": f"{_WOT}td#hasUriTemplateSchema", "forms": f"{_WOT}td#hasForm",
    "href": f"{_WOT}hypermedia#hasTarget", "subprotocol": f"{_WOT}hypermedia#forSubProtocol",
    "ExternalDescriptor": f"{AID}ExternalDescriptor", "property": f"{AID}PropertyDefinition",
    "schema": f"{_WOT}json-schema#propertyName", "schemas": f"{_WOT}json-schema#properties",
    "descriptor": f"{AID}externalDescriptorName", "interface": f"{AID}Interface",
    "htv_methodName": f"{PREFIXES['htv']}methodName", "htv_headers": f"{PREFIXES['htv']}headers",
    "htv_header": f"{PREFIXES['htv']}headers", "htv_fieldName": f"{PREFIXES['htv']}fieldName",
    "htv_fieldValue": f"{PREFIXES['htv']}fieldValue", "modv_function": f"{_WOT}modbus#hasFunction",
    "modv_entity": f"{_WOT}modbus#hasEntity",
    "modv_zeroBasedAddressing": f"{_WOT}modbus#hasZeroBasedAddressingFlag",
    "modv_pollingTime": f"{_WOT}modbus#hasPollingTime", "modv_timeout": f"{_WOT}modbus#hasTimeout",
    "modv_type": f"{_WOT}modbus#hasPayloadDataType",
    "modv_mostSignificantByte": f"{_WOT}modbus#hasMostSignificantByte",
    "modv_mostSignificantWord": f"{_WOT}modbus#hasMostSignificantWord", "mqv_retain": f"{_WOT}mqtt#hasRetainFlag",
    "mqv_controlPacket": f"{_WOT}mqtt#ControlPacket", "mqv_qos": f"{_WOT}mqtt#hasQoSFlag",
    "iolv_method": f"{_IOL}hasMethod", "iolv_accessRigths": f"{_IOL}hasAccessRights",
    "iolv_type": f"{_IOL}hasPayloadDataType", "iolv_payloadMapping": f"{_IOL}hasPayloadMapping",
    "iolv_enumeratedValues": f"{_IOL}hasEnumeratedValues", "bacv_useService": f"{PREFIXES['bacv']}usesService",
}  # fmt: skip
SCHEMES: Final = {
    "nosec": "NoSecurityScheme", "auto": "AutoSecurityScheme", "basic": "BasicSecurityScheme",
    "combo": "ComboSecurityScheme", "apikey": "APIKeySecurityScheme", "psk": "PSKSecurityScheme",
    "digest": "DigestSecurityScheme", "bearer": "BearerSecurityScheme", "oauth2": "OAuth2SecurityScheme",
}  # fmt: skip
TYPES: Final = {"boolean": "xs:boolean", "integer": "xs:integer", "number": "xs:double", "string": "xs:string"}
NUMBERS: Final = frozenset({"float", "double", "decimal"})
"""Types that interface descriptions use and JSON calls number; the word itself is kept as `aid:type`."""
LEXICAL: Final = {
    "created": "xs:dateTime", "modified": "xs:dateTime", "support": "xs:anyURI", "base": "xs:anyURI",
    "observable": "xs:boolean", "token": "xs:anyURI", "refresh": "xs:anyURI",
}  # fmt: skip
RANGES: Final = {
    "min_max": ("minimum", "maximum"), "lengthRange": ("minLength", "maxLength"),
    "itemsRange": ("minItems", "maxItems"),
}  # fmt: skip


def term(id_short: str) -> str:
    """`modv_function` as `modv:function`; what has no prefix of ours stays."""
    prefix, _, rest = id_short.partition("_")
    return f"{prefix}:{rest}" if rest and prefix in PREFIXES else id_short


def id_short(term_: str) -> str:
    """And back."""
    return term_.replace(":", "_", 1)


def meaning(name: str) -> Json:
    """The semanticId of a term, as a member to be merged; nothing for an unknown one."""
    known = MEANINGS.get(name)
    prefix, _, rest = name.partition("_")
    if known is None and rest and prefix in PREFIXES:
        known = f"{PREFIXES[prefix]}{rest}"
    return {"semanticId": reference(known)} if known else {}


def reference(value: str) -> Json:
    return {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": value}]}


def named(elements: Any) -> dict[str, Json]:
    """Elements by idShort."""
    return {element["idShort"]: element for element in elements or () if "idShort" in element}
