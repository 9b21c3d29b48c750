"""The screens of edge: all connections, one connection, and the way to a new one."""

from . import add, connection, connections

__all__ = ["add", "connection", "connections"]
