"""Identifiers in addresses: UTF-8 as base64url without padding (IDTA-01002 3.1, clause 'Encoding').

https://admin-shell.io/sampleSM  <->  aHR0cHM6Ly9hZG1pbi1zaGVsbC5pby9zYW1wbGVTTQ
"""

from __future__ import annotations

import base64
import binascii
import re

from .errors import BadIdentifier

LONGEST = 2048
"""Characters of an identifier (IDTA-01001 3.1, constraint on `Identifier`)."""
_ENCODED = re.compile(r"[A-Za-z0-9_-]+={0,2}")


def encode_id(identifier: str) -> str:
    """An id as addresses carry it."""
    return base64.urlsafe_b64encode(identifier.encode()).decode().rstrip("=")


def decode_id(text: str) -> str:
    """The id inside an address; padding of old clients is accepted, anything else raises BadIdentifier."""
    identifier = decode_text(text)
    if len(identifier) > LONGEST:
        raise BadIdentifier(f"The id has {len(identifier)} characters; {LONGEST} is the most.")
    return identifier


def decode_text(text: str, *, most: int = 16_384) -> str:
    """Any UTF-8 text inside base64url: ids, and the JSON of filters."""
    bare = text.rstrip("=")
    if not _ENCODED.fullmatch(text) or len(bare) % 4 == 1 or len(text) > most:
        raise BadIdentifier(f"{text[:80]!r} is not base64url.")
    try:
        found = base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise BadIdentifier(f"{text[:80]!r} is base64url, but not of UTF-8 text.") from error
    if "\x00" in found:
        raise BadIdentifier(f"{text[:80]!r} holds a NUL character, which no id has.")
    return found
