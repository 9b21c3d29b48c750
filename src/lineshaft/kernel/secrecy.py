"""Tells a secret by its name, and finds the password in an address: one rule for screens, logs and the audit."""

from __future__ import annotations

import re
from functools import lru_cache

_NAMES = re.compile(
    r"password|passphrase|passwd|credential|secret|tokens?(?:_|$)|(?:private|api|access)_key"
    r"|(?:^|_)(?:pwd|psk|apikey|authorization|cookie|hash)(?:_|$)"
)
_POINTS = re.compile(r"_(?:url|uri|endpoint|file|path)$")
"""A name that ends so says where a secret is, not what it is."""
_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[\s.-]")
LOGIN = re.compile(r"(?<=://)(?P<user>[^/:\s]*):(?P<password>[^/\s]+)@")
"""The login in an address such as `mqtt://joe:pass@broker`."""


@lru_cache(4096)
def names_secret(name: str) -> bool:
    """Whether what is called so is a secret: `password`, `apiKey`, `client-secret`; not `token_url`."""
    plain = snake(name)
    return _NAMES.search(plain) is not None and _POINTS.search(plain) is None


def snake(name: str) -> str:
    """A name in small letters with `_` between its words."""
    return _BOUNDARY.sub("_", name).lower()


def without_passwords(text: str, mark: str) -> str:
    """The text with the password of every address in it replaced by a mark."""
    return LOGIN.sub(rf"\g<user>:{mark}@", text) if "://" in text else text
