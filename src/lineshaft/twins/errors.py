"""What can go wrong with twins.

Invalid      BadTwin       what was said about a twin or a type contradicts itself
NotFound     NoTwin        there is no twin at that path
             NoType        there is no asset type of that name
             NoChange      there is no such change to undo
Conflict     Taken         another twin has that path, or another type that name
             Outdated      somebody else changed it meanwhile; both versions are named
             Superseded    a later change stands in the way of an undo
"""

from __future__ import annotations

from lineshaft.kernel.errors import Conflict, Invalid, NotFound


class BadTwin(Invalid):
    """What was said about a twin or a type contradicts itself."""

    code = "twins.invalid"


class NoTwin(NotFound):
    """There is no twin at that path."""

    code = "twins.not_found"
    default_hint = "Look it up on the plant model page, or create it first."


class NoType(NotFound):
    """There is no asset type of that name."""

    code = "twins.type_not_found"
    default_hint = "Look at the list of types and templates."


class NoChange(NotFound):
    """There is no such change to undo."""

    code = "twins.change_not_found"


class Taken(Conflict):
    """Another twin has that path, or another type that name."""

    code = "twins.taken"


class Outdated(Conflict):
    """Somebody else changed it since it was read; nothing was written."""

    code = "twins.outdated"
    default_hint = "Load it again and repeat your change."


class Superseded(Conflict):
    """Something changed after the change that should be undone."""

    code = "twins.superseded"
    default_hint = "Undo the later change first."
