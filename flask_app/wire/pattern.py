"""Translate a Python regular expression for JSON Schema: ECMA-262, Unicode mode, unanchored."""

from __future__ import annotations

import re

from flask_app.wire.refusal import UndocumentableError

# With re.ASCII these mean the same in both languages; without it, Python includes the digits of every script.
_ASCII_CLASSES = {
    "d": "0-9",
    "w": "A-Za-z0-9_",
    "s": r" \t\n\r\f\v",
}
_SYNTAX = frozenset("^$\\.*+?()[]{}|/")
_LETTERS = {"t", "n", "r", "f", "v"}
_OTHER_FLAGS = re.IGNORECASE | re.LOCALE | re.MULTILINE | re.DOTALL | re.VERBOSE
_QUANTIFIER = re.compile(r"\{(\d*)(,?)(\d*)\}")


def searched(regex: re.Pattern[str] | re.Pattern[bytes]) -> str:
    """Return a pattern that is found in exactly those texts that ``re.match`` accepts for the regex.

    One thing is read more strictly: Python's ``$`` also matches before a last newline, that of a document does not.

    Args:
        regex: A compiled regular expression.
    Raises:
        UndocumentableError: It has what only Python has.
    """
    if not isinstance(regex.pattern, str):
        raise UndocumentableError("a bytes pattern matches no text; write it as text")
    if regex.flags & _OTHER_FLAGS:
        flags = re.RegexFlag(regex.flags & _OTHER_FLAGS)
        raise UndocumentableError(
            f"a document's pattern cannot have flags, but this one has {flags!r}; write it without, such as [Aa] for "
            "any case"
        )
    translated = _Translation(regex.pattern, ascii_only=bool(regex.flags & re.ASCII)).text()
    is_anchored = translated.startswith("^") and "|" not in translated
    return translated if is_anchored else f"^(?:{translated})"


class _Translation:
    """One pass over a pattern."""

    def __init__(self, pattern: str, *, ascii_only: bool) -> None:
        self._pattern = pattern
        self._ascii = ascii_only
        self._at = 0
        # For each open group, whether it is a look-around.
        self._looking: list[bool] = []

    def text(self) -> str:
        parts = []
        while self._at < len(self._pattern):
            parts.append(self._next())
        return "".join(parts)

    def _next(self) -> str:
        rest = self._pattern[self._at :]
        first = rest[0]
        if first == "\\":
            return self._escape(in_class=False)
        if first == "[":
            return self._class()
        if first == "(":
            return self._group(rest)
        if first == "{" and (counts := _QUANTIFIER.match(rest)) and counts[0] != "{}":
            self._at += len(counts[0])
            return self._quantifier(f"{{{counts[1] or 0}{counts[2]}{counts[3]}}}")
        self._at += 1
        if first in "*+?":
            return self._quantifier(first)
        if first == ")" and self._looking.pop() and self._pattern.startswith(("*", "+", "?", "{"), self._at):
            raise UndocumentableError("only Python can repeat a look-around; write it once, or (?:...) around it")
        if first == "$" and any(self._looking):
            raise UndocumentableError(r"$ inside a look-around means something else in Python; write \Z")
        return {".": r"[^\n]", "{": r"\{", "}": r"\}", "]": r"\]"}.get(first, first)

    def _quantifier(self, quantifier: str) -> str:
        if self._pattern.startswith("?", self._at):
            self._at += 1
            return quantifier + "?"
        if self._pattern.startswith("+", self._at):
            raise UndocumentableError("only Python has possessive quantifiers; remove the second sign")
        return quantifier

    def _group(self, rest: str) -> str:
        opening = next((each for each in ("(?:", "(?=", "(?!", "(?<=", "(?<!") if rest.startswith(each)), "(")
        if opening == "(" and rest.startswith("(?"):
            raise UndocumentableError(f"only Python has {rest[:4]}; write a group as (...) or (?:...)")
        self._at += len(opening)
        self._looking.append(opening not in {"(", "(?:"})
        return opening

    def _escape(self, *, in_class: bool) -> str:
        escaped = self._pattern[self._at + 1]
        self._at += 2
        if escaped.lower() in _ASCII_CLASSES or (escaped in "bB" and not in_class):
            return self._shorthand(escaped, in_class=in_class)
        if escaped in "AZ":
            if any(self._looking) and escaped == "A":
                return "^"
            return "^" if escaped == "A" else "$"
        if escaped in _LETTERS:
            return f"\\{escaped}"
        if escaped in "xuU":
            digits = {"x": 2, "u": 4, "U": 8}[escaped]
            code = int(self._pattern[self._at : self._at + digits], 16)
            self._at += digits
            return chr(code) if code > 0xFFFF else f"\\u{code:04x}"
        if escaped.isalnum():
            raise UndocumentableError(f"\\{escaped} exists only in Python, or differs; write the character itself")
        return f"\\{escaped}" if escaped in _SYNTAX or (in_class and escaped == "-") else escaped

    def _shorthand(self, escaped: str, *, in_class: bool) -> str:
        if not self._ascii:
            raise UndocumentableError(
                f"\\{escaped} means characters of every script in Python, but only ASCII in a document; "
                "use flags=re.ASCII, or write [0-9], [A-Za-z]"
            )
        if escaped == "B":
            raise UndocumentableError(r"\B in an empty text differs between Python versions; use \b")
        if escaped == "b":
            return r"\b"
        members = _ASCII_CLASSES[escaped.lower()]
        if escaped.islower():
            return members if in_class else f"[{members}]"
        if not in_class:
            return f"[^{members}]"
        if escaped == "S":
            raise UndocumentableError(r"\S in a character class differs; write the characters out")
        return f"\\{escaped}"

    def _class(self) -> str:
        self._at += 1
        parts = ["["]
        if self._pattern.startswith("^", self._at):
            parts.append("^")
            self._at += 1
        is_first = True
        while is_first or self._pattern[self._at] != "]":
            is_first = False
            member = self._pattern[self._at]
            if member == "\\":
                # \b is a backspace here.
                if self._pattern[self._at + 1] == "b":
                    self._at += 2
                    parts.append(r"\u0008")
                else:
                    parts.append(self._escape(in_class=True))
                continue
            self._at += 1
            parts.append(f"\\{member}" if member in "[]$" else member)
        self._at += 1
        return "".join([*parts, "]"])
