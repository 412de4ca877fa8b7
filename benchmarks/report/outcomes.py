"""Gives each outcome a sign, so that none is told by colour alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SYMBOLS: Final[Mapping[str, str]] = {
    "replicated": "✓",
    "contradicted": "✗",
    "inconclusive": "?",
    "refused": "!",
    "faster": "▲",
    "slower": "▼",
    "equal": "=",
    "undecided": "?",
    "good": "✓",
    "warning": "!",
    "bad": "✗",
}


def sign(outcome: str) -> str:
    """Return the sign of an outcome, or of how grave a note is."""
    return SYMBOLS.get(outcome, "·")
