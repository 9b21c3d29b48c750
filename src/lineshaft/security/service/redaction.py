"""Makes what is audited safe to keep for years: no secrets, bounded size, plain JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from lineshaft.kernel.secrecy import names_secret, without_passwords

HIDDEN = "•••"
MOST_BYTES = 32_768
"""A larger before or after is kept as its first names and its size only."""

_OUR_TOKEN = re.compile(r"\bls_[0-9a-f]+_[A-Za-z0-9_-]+")


def redacted(content: Mapping[str, Any]) -> str:
    """The content as JSON text with every secret hidden."""
    plain = msgspec.json.decode(msgspec.json.encode(content, enc_hook=str))
    text = msgspec.json.encode(_hide(plain))
    if len(text) <= MOST_BYTES:
        return text.decode()
    names = list(plain)[:50]
    return msgspec.json.encode({"too_large_to_keep": True, "bytes": len(text), "names": names}).decode()


def _hide(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: HIDDEN if content and names_secret(name) else _hide(content) for name, content in value.items()}
    if isinstance(value, list):
        return [_hide(item) for item in value]
    return without_passwords(_OUR_TOKEN.sub(HIDDEN, value), HIDDEN) if isinstance(value, str) else value
