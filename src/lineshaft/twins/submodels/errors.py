"""What can go wrong with templates and the functions they carry.

Invalid      BadTemplate      a file is no submodel template
             BadSubmodel      a submodel does not say what a function needs, or contradicts itself
             BadScript        a transformation is wrong, reaches outside its sandbox or takes too much
"""

from __future__ import annotations

from lineshaft.kernel.errors import Invalid


class BadTemplate(Invalid):
    """A file is no submodel template."""

    code = "twins.bad_template"
    default_hint = "Load an AASX, JSON or XML file with a submodel whose kind is Template."


class BadSubmodel(Invalid):
    """A submodel does not say what a function needs, or contradicts itself."""

    code = "twins.bad_submodel"
    default_hint = "Check the submodel against its template."


class BadScript(Invalid):
    """A transformation is wrong, reaches outside its sandbox or takes too much."""

    code = "twins.bad_script"
    default_hint = "A script defines aimc_main(sources) and returns a table of sinks; see IDTA 02027-2-0."
