"""Gives each outcome a sign, so that none is told by colour alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from benchmarks.judge.judgement import Outcome

SYMBOLS: Final[Mapping[Outcome, str]] = {
    "replicated": "✓",
    "contradicted": "✗",
    "inconclusive": "?",
    "refused": "!",
}
