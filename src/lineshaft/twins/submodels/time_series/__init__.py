"""Ties series of the historian to submodels without storing anything twice (IDTA 02008-1-1)."""

from .linked import Question, linked_segments, question_of, series_submodel

__all__ = ["Question", "linked_segments", "question_of", "series_submodel"]
