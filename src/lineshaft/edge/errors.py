"""What can go wrong at the edge.

Invalid      BadConnection   a connection's settings are wrong
             CannotAsk       the machine tells its values by itself and cannot be asked for one
NotFound     NoConnection    there is no connection of that name
             NoTag           no connection holds that path
Forbidden    NotWritable     the tag is not marked writable, or the value is out of its range
Conflict     Changed         somebody else changed the connection meanwhile
"""

from __future__ import annotations

from lineshaft.kernel.errors import Conflict, Forbidden, Invalid, NotFound


class BadConnection(Invalid):
    """A connection's settings are wrong; the message names place, fault and mend."""

    code = "edge.bad_connection"


class CannotAsk(Invalid):
    """The machine tells its values by itself; nobody can ask it for one."""

    code = "edge.cannot_ask"
    default_hint = "Take the value it told last."


class NoConnection(NotFound):
    """There is no connection of that name."""

    code = "edge.no_connection"


class NoTag(NotFound):
    """No connection holds a tag with that path."""

    code = "edge.no_tag"
    default_hint = "Look at the connection's tags; only tags marked writable can be written."


class NotWritable(Forbidden):
    """The tag may not be written, or not with this value."""

    code = "edge.not_writable"


class Changed(Conflict):
    """Somebody else changed the connection since it was read."""

    code = "edge.changed"
    default_hint = "Load it again and repeat your change."
