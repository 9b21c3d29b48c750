"""The shelf of submodel templates: published IDTA submodels as tables of facts, and the functions they carry.

One folder is one template. It is found, never listed, and imported only when its function is called.

    <name>/
    ├── manifest.toml   title, number, version, semantic ids, source, licence: read without importing
    ├── elements.toml   the elements as published, described in our words (see `tables.py`)
    └── __init__.py     the functions the template carries, if any

Everything here is a pure function over JSON objects of metamodel 3.1: no I/O, nobody asking.
"""

from .building import fresh, new, new_shell
from .catalogue import Entry, catalogue, template_for
from .checking import Finding, Rule, check, grave
from .errors import BadScript, BadSubmodel, BadTemplate
from .facts import Element, Many, Template
from .loading import load_template, load_templates
from .sheet import Line, enter, entered, sheet
from .tables import SHELF, template

__all__ = [
    "SHELF",
    "BadScript",
    "BadSubmodel",
    "BadTemplate",
    "Element",
    "Entry",
    "Finding",
    "Line",
    "Many",
    "Rule",
    "Template",
    "catalogue",
    "check",
    "enter",
    "entered",
    "fresh",
    "grave",
    "load_template",
    "load_templates",
    "new",
    "new_shell",
    "sheet",
    "template",
    "template_for",
]
