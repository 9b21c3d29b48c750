"""Assembles the contexts into a process: the only room that sees them all.

    settings → catalogue → bus → services in flow order → routes and screens → workers, consumers first

Stopping goes the other way: machines are let go first, so that nothing in flight is lost.
"""

from .assembly import CONTEXTS, ROLES, SECTIONS, Platform, assemble, check_roles, load_config, serve
from .local import Local, has_catalogue, local, local_token

__all__ = [
    "CONTEXTS",
    "ROLES",
    "SECTIONS",
    "Local",
    "Platform",
    "assemble",
    "check_roles",
    "has_catalogue",
    "load_config",
    "local",
    "local_token",
    "serve",
]
