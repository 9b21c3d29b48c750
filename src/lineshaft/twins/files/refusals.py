"""The sentences with which a file is refused, worded in one place."""

from __future__ import annotations

from lineshaft.twins.errors import BadFile, FileTooLarge

_MEND = "Write the file anew with the program it comes from."
_ROOM = "Split the file, or raise the limits in [twins.files] of plant.toml."


def unreadable(what: str) -> BadFile:
    """The file is refused because of what it is: `what` follows the word 'The'."""
    return BadFile(f"The {_short(what)}.", hint=_MEND)


def too_large(what: str) -> FileTooLarge:
    """The file is refused because of how much it asks for."""
    return FileTooLarge(f"{_short(what)}.", hint=_ROOM)


def too_deep(depth: int) -> FileTooLarge:
    """Elements stand in elements deeper than the settings allow."""
    return too_large(f"Elements are nested more than {depth} levels deep")


def _short(what: str) -> str:
    """Names in a file can be of any length; sentences cannot."""
    return what if len(what) <= 250 else f"{what[:247]}..."
