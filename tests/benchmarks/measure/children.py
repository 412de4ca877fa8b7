"""The children of the process that tests run in."""

from __future__ import annotations

import contextlib

import psutil


def children_with(word: str) -> list[psutil.Process]:
    """Return those that have this in their command line; what earlier tests left may be ending meanwhile."""
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if any(word in part for part in child.cmdline()):
                found.append(child)
    return found
