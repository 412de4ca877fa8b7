"""Write a Python regular expression as a JSON Schema has it: ECMA-262, Unicode mode, searching anywhere."""

from __future__ import annotations

import re

from flask_app.wire.refusal import UndocumentableError

# With re.ASCII these are the same to both languages, written so; without it, Python means the digits of every script.
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
    """Return a pattern that is found in just those texts at whose beginning ``re.match`` finds the regex.

    One thing is read more strictly: Python's ``$`` also matches before a last newline, that of a document does not.

    Args:
        regex: A compiled regular expression.
    Raises:
        UndocumentableError: It has what only Python has.
    """
    if not isinstance(regex.pattern, str):
        raise UndocumentableError("a pattern of bytes matches no text; write it as text")
    if regex.flags & _OTHER_FLAGS:
        flags = re.RegexFlag(regex.flags & _OTHER_FLAGS)
        raise UndocumentableError(
            f"a document's pattern has no flags, and this one {flags!r}; write it without, [Aa] for any case"
        )
    translated = _Translation(regex.pattern, ascii_only=bool(regex.flags & re.ASCII)).text()
    is_anchored = translated.startswith("^") and "|" not in translated
    return translated if is_anchored else f"^(?:{translated})"


class _Translation:
    """One reading of a pattern, from its beginning to its end."""

    def __init__(self, pattern: str, *, ascii_only: bool) -> None:
        self._pattern = pattern
        self._ascii = ascii_only
        self._at = 0
        # Of each open group, whether it looks around.
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
            raise UndocumentableError(
                "a look-around that is repeated is Python's alone; write it once, or (?:...) around it"
            )
        if first == "$" and any(self._looking):
            raise UndocumentableError(r"$ inside of a look-around means another thing to Python; write \Z")
        return {".": r"[^\n]", "{": r"\{", "}": r"\}", "]": r"\]"}.get(first, first)

    def _quantifier(self, quantifier: str) -> str:
        if self._pattern.startswith("?", self._at):
            self._at += 1
            return quantifier + "?"
        if self._pattern.startswith("+", self._at):
            raise UndocumentableError("a possessive quantifier is Python's alone; write it without its second sign")
        return quantifier

    def _group(self, rest: str) -> str:
        opening = next((each for each in ("(?:", "(?=", "(?!", "(?<=", "(?<!") if rest.startswith(each)), "(")
        if opening == "(" and rest.startswith("(?"):
            raise UndocumentableError(f"{rest[:4]} is Python's alone; write a group as (...) or (?:...)")
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
            raise UndocumentableError(f"\\{escaped} is Python's alone, or not the same; write the character itself")
        return f"\\{escaped}" if escaped in _SYNTAX or (in_class and escaped == "-") else escaped

    def _shorthand(self, escaped: str, *, in_class: bool) -> str:
        if not self._ascii:
            raise UndocumentableError(
                f"\\{escaped} means characters of every script to Python, and those of ASCII to a document's reader; "
                "give flags=re.ASCII, or write [0-9], [A-Za-z]"
            )
        if escaped == "B":
            raise UndocumentableError(r"\B in an empty text is not the same to every Python; write what is meant by \b")
        if escaped == "b":
            return r"\b"
        members = _ASCII_CLASSES[escaped.lower()]
        if escaped.islower():
            return members if in_class else f"[{members}]"
        if not in_class:
            return f"[^{members}]"
        if escaped == "S":
            raise UndocumentableError(r"\S among other characters is not the same; write them out")
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
