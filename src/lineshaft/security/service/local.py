"""Lets the owner of the data folder act on the machine itself, without signing in."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

from lineshaft.security.errors import NotAllowed
from lineshaft.security.model import Grant, Role, Who, WhoKind


def local_admin(data: Path) -> Who:
    """The actor of commands on the machine: whoever owns the data folder (or root), by name, origin `cli`.

    Who owns the folder could change the catalogue file anyway; asking for a password would protect nothing.
    """
    owner, me = data.stat().st_uid, os.geteuid()
    if me not in (0, owner):
        raise NotAllowed(
            f"The data folder {data.name!r} belongs to somebody else.", hint="Run the command as its owner, or as root."
        )
    name = _login_name()
    return Who(
        id=f"local:{name}",
        name=f"{name} on the command line",
        kind=WhoKind.SERVICE,
        grants=(Grant(role=Role.ADMIN),),
        origin="cli",
    )


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return f"uid-{os.geteuid()}"
