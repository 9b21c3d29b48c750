"""Makes what is audited safe to keep for years: no secrets, bounded size, plain JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

HIDDEN = "•••"
MOST_BYTES = 32_768
"""A larger before or after is kept as its first names and its size only."""

_SECRET_WORDS = frozenset({
    "password", "passphrase", "passwd", "pwd", "secret", "secrets", "token", "credential", "credentials",
    "apikey", "authorization", "cookie", "hash",
})  # fmt: skip
_SECRET_PAIRS = ("private_key", "api_key", "access_key")
_IN_ADDRESS = re.compile(r"(?<=://)([^/@:\s]*):[^/@\s]+@")
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
        return {name: HIDDEN if content and _is_secret(name) else _hide(content) for name, content in value.items()}
    if isinstance(value, list):
        return [_hide(item) for item in value]
    return _IN_ADDRESS.sub(rf"\1:{HIDDEN}@", _OUR_TOKEN.sub(HIDDEN, value)) if isinstance(value, str) else value


def _is_secret(name: str) -> bool:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[\s.-]", "_", name).lower()
    return not _SECRET_WORDS.isdisjoint(snake.split("_")) or any(pair in snake for pair in _SECRET_PAIRS)
