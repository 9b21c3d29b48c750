"""Samples in files: reads CSV and Parquet of many shapes, writes CSV, Parquet and Arrow streams.

Reading    Layout (what the columns mean), survey, read_blocks
Writing    Format, streamed, encoded
"""

from .layout import Layout, Shape
from .reading import Block, Sheet, read_blocks, survey
from .writing import RAW, Format, encoded, streamed

__all__ = ["RAW", "Block", "Format", "Layout", "Shape", "Sheet", "encoded", "read_blocks", "streamed", "survey"]
