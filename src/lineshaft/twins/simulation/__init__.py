"""Mechanism models that run beside a machine: what it should do, computed from what is done to it.

    measured inputs ──▶ mechanism ──▶ outputs      a virtual sensor where nothing is measured
                                  └─▶ residuals    measured less computed where something is

A mechanism is a Python class on the shelf `mechanisms/` (or of another package, by entry point) or a
Functional Mock-up Unit of FMI 2 or 3. Both compute whole columns of time at once and carry their state on.
"""

from .comparing import Difference, difference, held
from .mechanism import Columns, Mechanism, Run, Sort, Stoppable, Variable, check_columns, run
from .pieces import pieces
from .shelf import SHELF, mechanism

__all__ = [
    "SHELF", "Columns", "Difference", "Mechanism", "Run", "Sort", "Stoppable", "Variable", "check_columns",
    "difference", "held", "mechanism", "pieces", "run",
]  # fmt: skip
