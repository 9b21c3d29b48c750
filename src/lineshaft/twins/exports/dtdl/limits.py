"""The limits of DTDL v3, and identifiers and texts held to them (Azure/opendigitaltwins-dtdl, DTDL v3)."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from lineshaft.twins.exports.contract import Losses

DEPTH: Final = 5
NAME: Final = 512
DTMI: Final = 128
DISPLAY: Final = 64
TEXT: Final = 512
CONTENTS: Final = 100_000
INTERFACE: Final = 1024 * 1024
_NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9_]*[A-Za-z0-9])?")


def name(id_short: str, taken: set[str], path: str, losses: Losses) -> str:
    """An idShort as a DTDL name: letters, digits and '_', not '_' at the end, one of its kind."""
    made = re.sub(r"[^A-Za-z0-9_]", "_", id_short).rstrip("_")[:NAME] or "x"
    made = made if made[0].isalpha() else f"x{made}"
    base, count = made, 1
    while made in taken:
        count += 1
        made = f"{base[: NAME - 8]}_{count}"
    if made != id_short:
        losses.add(path, "idShort", f"DTDL names have other letters or the name is taken; it becomes {made}.")
    taken.add(made)
    return made


def dtmi(id_: str, kind: str) -> str:
    """A model identifier for an id: readable where it is short enough, and always with a hash of the whole."""
    digest = hashlib.sha256(id_.encode()).hexdigest()[:16]
    words = re.findall(r"[A-Za-z0-9]+", id_.partition("://")[2] or id_)
    readable = ":".join(word if word[0].isalpha() else f"n{word}" for word in words)
    readable = readable[: DTMI - len(kind) - 40].rstrip(":")
    return f"dtmi:{readable + ':' if readable else ''}{kind}:h{digest};1"


def shortened(texts: dict[str, str], most: int, path: str, what: str, losses: Losses) -> dict[str, str]:
    """Texts by language, each cut to what DTDL takes."""
    if any(len(text) > most for text in texts.values()):
        losses.add(path, what, f"DTDL ends it at {most} characters; it is cut.")
    return {language: text[:most] for language, text in texts.items()}


def is_name(text: str) -> bool:
    """Whether DTDL takes it as a name."""
    return len(text) <= NAME and _NAME.fullmatch(text) is not None
