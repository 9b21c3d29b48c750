"""A long run in pieces, so that it can tell how far it is and be given up between two of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from .mechanism import Columns, Mechanism, Run, State, run

PIECE = 5_000
"""Instants computed at a time."""


def pieces(
    mechanism: Mechanism,
    t: NDArray[np.float64],
    inputs: Columns,
    parameters: Mapping[str, float],
    state: State | None = None,
    *,
    size: int = PIECE,
) -> Iterator[tuple[int, Run]]:
    """Runs one after the other, each with the instant it begins at; together they are the run over all of `t`.

    Each goes on from the state the one before left at its last instant. A mechanism that remembers but leaves no
    state, as an FMU, is computed whole.
    """
    first = run(mechanism, t[:size], _part(inputs, 0, size), parameters, state)
    if len(t) > size and mechanism.memory_s and not first.state:
        yield 0, run(mechanism, t, inputs, parameters, state)
        return
    yield 0, first
    for begin in range(size, len(t), size):
        back = begin - 1 if first.state else begin
        first = run(
            mechanism, t[back : begin + size], _part(inputs, back, begin + size), parameters, first.state or None
        )
        yield begin, Run(outputs={n: c[begin - back :] for n, c in first.outputs.items()}, state=first.state)


def _part(columns: Columns, start: int, end: int) -> Columns:
    return {name: column[start:end] for name, column in columns.items()}
