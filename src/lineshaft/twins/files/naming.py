"""Names of parts: as the zip has them, as relationships write them, and as File elements say them.

OPC (ISO/IEC 29500-2, 6.2.2 and 7.3) writes a name percent-encoded wherever it stands, programs of the field do not
always; a zip without the flag for UTF-8 has names in whatever the writer's computer spoke.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, unquote

FOLDER: Final = "/aasx"
"""Where the environment stands in packages written here; relative paths in it begin there."""
_UTF8: Final = 0x800
_SPOKEN: Final = ("utf-8", "gb18030")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def encoded(name: str) -> str:
    """A name as OPC writes it."""
    return quote(unquote(name), safe="/!$&'()*+,;=:@")


def keys(name: str, info: zipfile.ZipInfo) -> Iterator[str]:
    """What a part may be asked for by, the surest first."""
    yield name.casefold()
    yield unquote(name).casefold()
    if info.flag_bits & _UTF8 or name.isascii():
        return
    for spoken in _SPOKEN:
        try:
            yield name.encode("cp437").decode(spoken).casefold()
        except UnicodeError:
            continue


def part_of(path: str, folder: str = FOLDER) -> str:
    """The part a path in an environment of that folder leads to; '' when it leads out of the package."""
    inside = path
    if path.startswith("file:"):
        inside = f"/{path.removeprefix('file:').lstrip('/')}"
    elif _SCHEME.match(path) or path.startswith("//") or not path.strip("/"):
        return ""
    return posixpath.normpath(posixpath.join(folder, unquote(inside)))
