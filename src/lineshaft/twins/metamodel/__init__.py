"""The AAS metamodel 3.1 as pure functions over JSON objects: no I/O, nobody asking.

identifiers   ids and filters in addresses
kinds         the kinds of elements and where the children of each live
paths         idShortPaths: parse, find, put, drop, walk
forms         normal, metadata, value-only, reference and path forms
values        value-only JSON written into elements
references    what references mean
tidying       members that say nothing, left out
checking      the constraints of the metamodel, through aas-core3.1
dialects      where versions 3.0 and 3.1 of the API differ
"""

from . import checking, dialects, forms, identifiers, kinds, paths, references, values
from .checking import Finding
from .dialects import V30, V31, Dialect
from .errors import BadForm, BadIdentifier, BadPath, BadValue, NoElement, TakenElement
from .tidying import tidy

__all__ = [
    "V30", "V31", "BadForm", "BadIdentifier", "BadPath", "BadValue", "Dialect", "Finding", "NoElement", "TakenElement",
    "checking", "dialects", "forms", "identifiers", "kinds", "paths", "references", "tidy", "values",
]  # fmt: skip
