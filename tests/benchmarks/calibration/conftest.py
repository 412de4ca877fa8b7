"""What tests of the calibration scripts share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture
def affinity() -> Iterator[None]:
    """Undo the pinning of this process."""
    pinned = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    yield
    if pinned is not None:
        os.sched_setaffinity(0, pinned)
