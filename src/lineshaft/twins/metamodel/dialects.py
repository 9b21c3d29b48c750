"""Where the API of version 3.0 and that of 3.1 differ, in one place.

3.0 answers as `aas_test_engines` 1.0.3, the public compliance suite, reads the text; 3.1 answers as IDTA-01002 3.1
says. Both serve the same documents.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one version of the API speaks."""

    version: str
    bare_scalars: bool
    """`$value` of a property is the scalar itself, not `{"Prop": 1.5}`."""
    merged_values: bool
    """A page of `submodel-elements/$value` is one object, not a list of objects with one name each."""
    named_annotations: bool
    """Annotations in a value-only relationship are one object, not a list."""
    metadata_of_all: bool
    """Capabilities and operations have `$metadata` too."""
    strict_modifiers: bool
    """`level` and `extent` are refused where they mean nothing, instead of ignored."""
    named_scalars_in: bool
    """A property may also be written as `{"Prop": 2.5}`."""


V30 = Dialect(
    version="3.0",
    bare_scalars=False,
    merged_values=False,
    named_annotations=False,
    metadata_of_all=False,
    strict_modifiers=False,
    named_scalars_in=True,
)
V31 = Dialect(
    version="3.1",
    bare_scalars=True,
    merged_values=True,
    named_annotations=True,
    metadata_of_all=True,
    strict_modifiers=True,
    named_scalars_in=False,
)
