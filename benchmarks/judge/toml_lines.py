"""Finds the line of a key in a TOML text, which tomllib does not tell."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any


def line_of(text: str, path: Sequence[str | int]) -> int:
    """Return the 1-based line on which a key or table of a well-formed TOML text begins.

    Reads ever longer beginnings of the text until the key is there. That is slow and needs no tokeniser of our own:
    tomllib decides what is inside a string, and it is only asked once something is wrong.

    Args:
        text: Well-formed TOML.
        path: Keys, and indices into arrays, from the root. Where it does not exist, its longest part that does counts.
    Returns:
        The line; 1 for an empty path or one of which nothing exists.
    """
    # Not splitlines(), which also breaks at characters that TOML allows inside a string.
    lines = text.split("\n")
    best_depth, best_line, begins = 0, 1, 1
    for number in range(1, len(lines) + 1):
        try:
            document = tomllib.loads("\n".join([*lines[:number], ""]))
        except tomllib.TOMLDecodeError:
            # In the middle of a value of several lines, which began where the last good beginning ended.
            continue
        depth = _depth(document, path)
        if depth > best_depth:
            best_depth, best_line = depth, begins
        begins = number + 1
    return best_line


def _depth(document: object, path: Sequence[str | int]) -> int:
    value: Any = document
    for depth, step in enumerate(path):
        try:
            value = value[step]
        except (TypeError, LookupError):
            return depth
    return len(path)
