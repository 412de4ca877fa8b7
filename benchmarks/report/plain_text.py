"""Makes any text that a run carries safe to show: one line, with nothing that steers a terminal or a reader's eye."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Final

_LIMIT: Final = 2000
_ASCII: Final = str.maketrans(
    dict(zip("✓✗×µ–÷│─●┼◆┄┊○◊’“”²▲▼·≠\ufffd", '+xxu-/|-o+0-:.0\'""2^v*!?', strict=True))
    | {"±": "+-", "…": "...", "∞": "inf", "→": "->", "←": "<-", "√": "sqrt ", "λ": "lambda ", "°": " deg"}
)
# Cc steers terminals, Cf reorders what is read (bidirectional overrides), Cs cannot be encoded, Co and Cn mean nothing.
_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def one_line(text: object, limit: int = _LIMIT) -> str:
    """Return the text on one line, unsafe characters replaced by the replacement character, cut at ``limit``."""
    spaced = " ".join(str(text).split())
    if spaced.isprintable():
        # Nothing of those categories is, and a text seldom has any.
        return shorten(spaced, limit)
    safe = "".join("\ufffd" if unicodedata.category(character) in _UNSAFE else character for character in spaced)
    return shorten(safe, limit)


def shorten(text: str, limit: int) -> str:
    """Cut a text that is longer than ``limit`` characters and mark the cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def spans(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the parts of a text, made safe, each with whether it is code: what stands between two backticks.

    A backtick without another is one.
    """
    *parts, last = one_line(text).split("`")
    if len(parts) % 2:
        parts[-1:], last = [], f"{parts[-1]}`{last}"
    for number, part in enumerate((*parts, last)):
        if part:
            yield part, number % 2 == 1


def to_ascii(text: str) -> str:
    """Return a text with signs of ASCII for ours, and question marks for what else is not of it."""
    return text.translate(_ASCII).encode("ascii", "replace").decode("ascii")
