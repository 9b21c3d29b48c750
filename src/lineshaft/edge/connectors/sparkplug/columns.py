"""Gathers values in columns until they are handed on."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

import numpy as np

from lineshaft.edge.connectors import Readings, Tag


class Columns:
    """The rows since the last `drain`; scales of tags are applied to all of them at once."""

    def __init__(self, tags: Sequence[Tag], paths: list[str]) -> None:
        self._paths = paths
        self._scale = np.array([tag.scale for tag in tags], dtype=np.float64)
        self._offset = np.array([tag.offset for tag in tags], dtype=np.float64)
        self._scaled = any(tag.scale != 1.0 or tag.offset != 0.0 for tag in tags)
        self._begin()

    def _begin(self) -> None:
        self.index = array("i")
        self.number = array("d")
        self.ts = array("q")
        self.quality = array("B")
        self.texts: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self.index)

    def add(self, index: int, number: float, ts_us: int, quality: int) -> None:
        """One row with a number."""
        self.index.append(index)
        self.number.append(number)
        self.ts.append(ts_us)
        self.quality.append(quality)

    def add_text(self, index: int, text: str, ts_us: int, quality: int) -> None:
        """One row with a text."""
        self.texts[len(self.index)] = text
        self.add(index, math.nan, ts_us, quality)

    def drain(self) -> Readings:
        """The gathered rows."""
        index = np.array(self.index, dtype=np.int32)
        number = np.array(self.number, dtype=np.float64)
        if self._scaled:
            known = index < len(self._scale)
            place = np.where(known, index, 0)
            number = np.where(known, number * self._scale[place] + self._offset[place], number)
        text: list[str | None] | None = None
        if self.texts:
            text = [None] * len(index)
            for row, words in self.texts.items():
                text[row] = words
        readings = Readings(
            paths=self._paths,
            index=index,
            ts=np.array(self.ts, dtype=np.int64),
            number=number,
            quality=np.array(self.quality, dtype=np.uint8),
            text=text,
        )
        self._begin()
        return readings
