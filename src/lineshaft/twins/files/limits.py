"""How much a file may ask of this process; what asks for more is refused before it is done."""

from __future__ import annotations

from dataclasses import dataclass

from lineshaft.twins.settings import FileSettings

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one file; the defaults let a package of three million elements through."""

    file: int = 512 * _MIB
    """Bytes of the file itself."""
    unpacked: int = 2048 * _MIB
    """Bytes of all parts of a package together, unpacked."""
    part: int = 1024 * _MIB
    """Bytes of one part, unpacked."""
    ratio: int = 200
    """How many times larger than packed a part over 1 MiB may be."""
    parts: int = 10_000
    """Parts of a package."""
    depth: int = 64
    """Elements inside elements."""
    nodes: int = 40_000_000
    """JSON members and items, or XML elements, of one document."""
    text: int = 128 * _MIB
    """Characters of one value."""

    @staticmethod
    def of(settings: FileSettings) -> Limits:
        """The limits as `[twins.files]` of the configuration sets them."""
        return Limits(
            file=settings.file_mb * _MIB, unpacked=settings.unpacked_mb * _MIB, part=settings.part_mb * _MIB,
            ratio=settings.ratio, parts=settings.parts, depth=settings.depth, nodes=settings.nodes,
            text=settings.text_mb * _MIB,
        )  # fmt: skip
