"""The AAS repository: documents, their values, their history and their files, by rights on places."""

from .repository import Repository

__all__ = ["Repository"]
