"""Twins as an OPC UA address space (OPC 10000-6, annex F: UANodeSet).

    Objects ─Organizes▶ shell ─HasComponent▶ submodel ─HasComponent▶ collection, variable, method …

Only types of the base namespace are used, so any server loads the file. (The companion specification for the
Asset Administration Shell, OPC 30270, describes metamodel 2 and cannot hold 3.1.) Node ids are
`s=<id>` and `s=<id>#<idShortPath>`, so a client that knows the twin knows the node.
"""

from .nodes import export

__all__ = ["export"]
