"""Reads and writes structures of parts: edges from whole to part, with counts (IDTA 02011-1-1)."""

from .structure import Archetype, Part, PartEdge, Piece, build, edges_of, edges_of_all, same_things

__all__ = ["Archetype", "Part", "PartEdge", "Piece", "build", "edges_of", "edges_of_all", "same_things"]
