"""Worked models: one folder each, with the equations and their sources in its docstring."""
