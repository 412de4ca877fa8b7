"""Reads a matrix that was kept: one that ``lab conformance --json`` has written, or the one that the lab ships."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Final

from benchmarks.conformance.matrix import Matrix
from benchmarks.errors import LabError
from benchmarks.foreign_json import decode, read_object

SHIPPED: Final = Path(__file__).with_name("kept.json")
"""Of the versions that the lock names; ``lab advise`` warns by it."""


def read(path: Path) -> Matrix:
    """Return a matrix from its file.

    Raises:
        LabError: It cannot be read, or is something else.
    """
    try:
        return decode(Matrix, read_object(path.read_bytes()).get("conformance"))
    except (OSError, ValueError) as error:
        raise LabError(f"{path} is no matrix that `lab conformance --json` has written: {error}.") from error


@functools.cache
def shipped() -> Matrix:
    """Return the matrix that the lab ships.

    Raises:
        LabError: It is not there, or not whole.
    """
    return read(SHIPPED)
