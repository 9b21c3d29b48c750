"""Lineshaft, an open industrial internet platform from machine to market."""

__version__ = "0.1.0"
