"""The classes of metamodel 3.1 as one table: their members, in the order in which XML writes them.

    name:what      a member; `!` it must be there; nothing after the colon is text
    what           `bool`, `base64`, an enumeration, a class, or `[class]` for a list
    ...group       the members every class of a group begins with

JSON and XML, reading and writing, all follow this table (IDTA-01001 3.1, annexes on JSON and XML). Metamodel 3.0
has the same classes and members in the same order; it only demands more of them (see `versions`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from aas_core3_1 import types as aas

_GROUPS = {
    "named": "extensions:[Extension] category idShort displayName:[LangStringNameType]"
    " description:[LangStringTextType]",
    "meant": "semanticId:Reference supplementalSemanticIds:[Reference]",
    "specified": "embeddedDataSpecifications:[EmbeddedDataSpecification]",
    "element": "...named ...meant qualifiers:[Qualifier] ...specified",
}

_CLASSES = """
Environment = assetAdministrationShells:[AssetAdministrationShell] submodels:[Submodel]
    conceptDescriptions:[ConceptDescription]
AssetAdministrationShell = ...named administration:AdministrativeInformation id! ...specified derivedFrom:Reference
    assetInformation!:AssetInformation submodels:[Reference]
Submodel = ...named administration:AdministrativeInformation id! kind:ModellingKind ...meant qualifiers:[Qualifier]
    ...specified submodelElements:[SubmodelElement]
ConceptDescription = ...named administration:AdministrativeInformation id! ...specified isCaseOf:[Reference]
AssetInformation = assetKind!:AssetKind globalAssetId specificAssetIds:[SpecificAssetId] assetType
    defaultThumbnail:Resource
SpecificAssetId = ...meant name! value! externalSubjectId:Reference
Resource = path! contentType
AdministrativeInformation = ...specified version revision creator:Reference templateId
Extension = ...meant name! valueType:DataTypeDefXsd value refersTo:[Reference]
Qualifier = ...meant kind:QualifierKind type! valueType!:DataTypeDefXsd value valueId:Reference
Reference = type!:ReferenceTypes referredSemanticId:Reference keys!:[Key]
Key = type!:KeyTypes value!
LangStringNameType = language! text!
LangStringTextType = language! text!

Property = ...element valueType!:DataTypeDefXsd value valueId:Reference
MultiLanguageProperty = ...element value:[LangStringTextType] valueId:Reference
Range = ...element valueType!:DataTypeDefXsd min max
Blob = ...element value:base64 contentType
File = ...element value contentType
ReferenceElement = ...element value:Reference
RelationshipElement = ...element first:Reference second:Reference
AnnotatedRelationshipElement = ...element first:Reference second:Reference annotations:[DataElement]
SubmodelElementCollection = ...element value:[SubmodelElement]
SubmodelElementList = ...element orderRelevant:bool semanticIdListElement:Reference
    typeValueListElement!:AasSubmodelElements valueTypeListElement:DataTypeDefXsd value:[SubmodelElement]
Entity = ...element statements:[SubmodelElement] entityType:EntityType globalAssetId
    specificAssetIds:[SpecificAssetId]
BasicEventElement = ...element observed!:Reference direction!:Direction state!:StateOfEvent messageTopic
    messageBroker:Reference lastUpdate minInterval maxInterval
Operation = ...element inputVariables:[OperationVariable] outputVariables:[OperationVariable]
    inoutputVariables:[OperationVariable]
OperationVariable = value!:SubmodelElement
Capability = ...element

EmbeddedDataSpecification = dataSpecification!:Reference dataSpecificationContent!:DataSpecificationContent
DataSpecificationIec61360 = preferredName!:[LangStringPreferredNameTypeIec61360]
    shortName:[LangStringShortNameTypeIec61360] unit unitId:Reference sourceOfDefinition symbol
    dataType:DataTypeIec61360 definition:[LangStringDefinitionTypeIec61360] valueFormat valueList:ValueList value
    levelType:LevelType
LangStringPreferredNameTypeIec61360 = language! text!
LangStringShortNameTypeIec61360 = language! text!
LangStringDefinitionTypeIec61360 = language! text!
ValueList = valueReferencePairs!:[ValueReferencePair]
ValueReferencePair = value! valueId:Reference
LevelType = min!:bool nom!:bool typ!:bool max!:bool
"""

_ENUMERATIONS: dict[str, type] = {
    "AasSubmodelElements": aas.AASSubmodelElements, "AssetKind": aas.AssetKind, "DataTypeDefXsd": aas.DataTypeDefXSD,
    "DataTypeIec61360": aas.DataTypeIEC61360, "Direction": aas.Direction, "EntityType": aas.EntityType,
    "KeyTypes": aas.KeyTypes, "ModellingKind": aas.ModellingKind, "QualifierKind": aas.QualifierKind,
    "ReferenceTypes": aas.ReferenceTypes, "StateOfEvent": aas.StateOfEvent,
}  # fmt: skip

DATA_ELEMENTS: Final = ("Property", "MultiLanguageProperty", "Range", "Blob", "File", "ReferenceElement")
ELEMENTS: Final = (
    *DATA_ELEMENTS, "RelationshipElement", "AnnotatedRelationshipElement", "SubmodelElementCollection",
    "SubmodelElementList", "Entity", "BasicEventElement", "Operation", "Capability",
)  # fmt: skip
IDENTIFIABLES: Final = {
    "assetAdministrationShells": "AssetAdministrationShell",
    "submodels": "Submodel",
    "conceptDescriptions": "ConceptDescription",
}
"""The lists of an environment and what they hold."""
CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "SubmodelElement": ELEMENTS,
    "DataElement": DATA_ELEMENTS,
    "DataSpecificationContent": ("DataSpecificationIec61360",),
}
"""Classes that stand for one of several; the object says which by its `modelType`, or by its XML tag."""
TAGGED: Final = frozenset((*ELEMENTS, *IDENTIFIABLES.values(), "DataSpecificationIec61360"))
"""Classes whose JSON carries a `modelType`."""
CHILDREN: Final = {
    "Submodel": "submodelElements",
    "SubmodelElementCollection": "value",
    "SubmodelElementList": "value",
    "Entity": "statements",
    "AnnotatedRelationshipElement": "annotations",
}
"""Where the elements below live."""
WHOLE: Final = frozenset({"Key"})
"""Lists of these mean nothing with one item missing, so they are read whole or not at all."""


class What(IntEnum):
    """What a member holds."""

    TEXT = 0
    ENUM = 1
    BOOL = 2
    OBJECT = 3
    CHOICE = 4
    LIST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member of a class; `of` is the class of the object, or of the items of the list."""

    name: str
    what: What
    of: str = ""
    required: bool = False
    words: frozenset[str] = field(default_factory=frozenset)


def xml_name(class_: str) -> str:
    """The XML element that holds an object of the class."""
    return class_[0].lower() + class_[1:]


def _member(fact: str) -> Member:
    name, _, of = fact.partition(":")
    required, name = name.endswith("!"), name.rstrip("!")
    if of.startswith("["):
        return Member(name=name, what=What.LIST, of=of[1:-1], required=required)
    if of in _ENUMERATIONS:
        words = frozenset(item.value for item in _ENUMERATIONS[of])  # type: ignore[attr-defined]
        return Member(name=name, what=What.ENUM, of=of, required=required, words=words)
    plain = {"": What.TEXT, "base64": What.TEXT, "bool": What.BOOL}
    what = plain.get(of, What.CHOICE if of in CHOICES else What.OBJECT)
    return Member(name=name, what=what, of=of, required=required)


def _expand(facts: list[str]) -> list[str]:
    found: list[str] = []
    for fact in facts:
        found += _expand(_GROUPS[fact[3:]].split()) if fact.startswith("...") else [fact]
    return found


def _table() -> dict[str, dict[str, Member]]:
    table: dict[str, dict[str, Member]] = {}
    for line in _CLASSES.replace("\n    ", " ").split("\n"):
        class_, _, facts = line.partition(" = ")
        if facts or class_.strip():
            table[class_.strip()] = {m.name: m for m in map(_member, _expand(facts.split()))}
    return table


CLASSES: Final = _table()
"""Every class by name, its members by their JSON name."""


def options(class_: str) -> tuple[str, ...]:
    """The classes an object said to be of this class can really be of."""
    return CHOICES.get(class_, (class_,))
