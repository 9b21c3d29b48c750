"""Placeholder door, filled by the context."""
