"""Twins as NGSI-LD entities (ETSI GS CIM 009 V1.8): shells, submodels and collections are entities, values attributes.

    shell ─hasSubmodel▶ submodel ─<idShort>▶ collection ─<idShort>▶ …
    Property, Range, File      Property         MultiLanguageProperty   LanguageProperty
    Reference-, Relationship-  Relationship     list of properties      Property with an array

The `@context` of each entity says what its attributes mean where their semanticId is an IRI.
"""

from .entities import export

__all__ = ["export"]
