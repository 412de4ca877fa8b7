"""What tests of the calibration scripts share."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator

import pytest

from benchmarks.calibration.frame import Session


@pytest.fixture
def session() -> Session:
    """Return the session of a script without options."""
    return Session(argparse.Namespace(journal=None))


@pytest.fixture
def affinity() -> Iterator[None]:
    """Undo the pinning of this process."""
    pinned = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    yield
    if pinned is not None:
        os.sched_setaffinity(0, pinned)
