"""What the operating system refuses, as a sentence with its place and the next step."""

from __future__ import annotations

import errno
import socket

from .errors import Invalid, PlatformError, Unavailable

_SAID: dict[type[OSError], tuple[str, str]] = {
    FileNotFoundError: ("There is no {place}.", "Check how it is written, or make it first."),
    PermissionError: ("This user may not open or change {place}.", "Ask its owner for the right, or choose another."),
    IsADirectoryError: ("{place} is a folder, and a file is needed.", "Name a file in it."),
    NotADirectoryError: ("{place} cannot be reached: a file stands where a folder is needed.", "Choose another place."),
    FileExistsError: ("{place} cannot be made: something is there already.", "Choose another place."),
}
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
_TROUBLES = {errno.EADDRINUSE: "is in use", errno.EACCES: "needs more rights than this user has"}


def refused(error: OSError) -> PlatformError:
    """An error of files and folders in our words."""
    place = error.filename or "the file"
    if error.errno in _NO_ROOM:
        return Unavailable(f"There is no room left for {place}.", hint="Free some on that disk, or choose another.")
    for kind, (sentence, hint) in _SAID.items():
        if isinstance(error, kind):
            return Invalid(sentence.format(place=place), hint=hint)
    return Unavailable(f"{place}: {error.strerror or error}.", hint="The operating system says so; look at its log.")


def port_trouble(host: str, port: int) -> str:
    """Why nobody can listen on a port, as the end of a sentence; empty when somebody can."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror:
        return f"cannot be opened: {host} is no name or address that is known here"
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            return _TROUBLES.get(error.errno or 0, f"cannot be opened: {error.strerror}")
    return ""
