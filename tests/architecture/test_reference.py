"""The reference pages say what the code says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import lineshaft

REPOSITORY = Path(lineshaft.__file__).parents[2]


def test_the_reference_is_what_the_code_says() -> None:
    """When this fails, run: python docs/generate.py."""
    told = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
