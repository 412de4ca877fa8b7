"""The ledger of claims: its values, and how they are read from TOML."""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, TypeGuard

RATIO_FIGURES = ("rate_per_s", "latency_average_ms", "latency_p95_ms")
"""Figures that the tutorial gives for both twins, whose ratio is claimed."""

FIGURE_NAMES = (*RATIO_FIGURES, "running_threads")

TEST_KEYS: Mapping[str, tuple[str, ...]] = {
    "documents": ("framework",),
    "ratio": ("framework", "serving", "workload"),
    "waits": ("framework", "serving", "workload"),
    "event-loop": ("framework", "serving", "workload"),
    "best": ("framework", "against", "workload", "much", "among"),
}
"""The kinds of test, and what each must say beside ``kind`` and ``subject``."""

_CLAIM_KEYS = ("id", "number", "title", "quote", "english", "figures", "test")
_OPTIONAL_KEYS = ("figures",)


class ClaimsError(Exception):
    """The ledger is malformed; the message begins with the line and says what belongs there.

    Attributes:
        line: 1-based.
    """

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line = line


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimFigure:
    """What the tutorial printed.

    Attributes:
        name: One of ``FIGURE_NAMES``, which carries the unit.
        sync: For ``def``; ``None`` when the tutorial says it of ``async def`` alone.
        asynchronous: For ``async def``.
    """

    name: str
    sync: float | None
    asynchronous: float

    @property
    def ratio(self) -> float | None:
        """Async over sync, dimensionless; ``None`` when there is nothing to divide by."""
        return None if self.sync is None else self.asynchronous / self.sync


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimTest:
    """How a claim is tested on one subject; text is empty, and ``much`` 0, where the kind needs none.

    Attributes:
        kind: One of ``TEST_KEYS``.
        subject: For a person: ``FastAPI``.
        framework: Of the contenders under test.
        serving: Of the arrangement that the claim is judged on; every other that ran is shown beside it.
        workload: Under which it is tested.
        against: The framework that ``framework`` is compared with.
        much: From what ratio on the first counts as much better.
        among: Ids of the contenders that must be measured for the best of each framework to be known.
    """

    kind: str
    subject: str
    framework: str
    serving: str = ""
    workload: str = ""
    against: str = ""
    much: float = 0.0
    among: str = ""

    @property
    def arrangement(self) -> str:
        """Framework and serving: ``flask@hypercorn``; empty if the claim is not about serving."""
        return f"{self.framework}@{self.serving}" if self.serving else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One sentence of the tutorial, with its figures and its tests.

    Attributes:
        id: For example ``async-throughput``.
        number: From 1.
        title: The claim in a few words.
        quote: The tutorial's words and printed lines, each exactly as they stand there.
        english: What the words say, in English.
        figures: What the tutorial printed, in the ledger's order; empty where it gave no number.
        tests: In the ledger's order.
    """

    id: str
    number: int
    title: str
    quote: tuple[str, ...]
    english: str
    figures: tuple[ClaimFigure, ...]
    tests: tuple[ClaimTest, ...]


def parse_claims(text: str) -> tuple[Claim, ...]:
    """Read the ledger.

    Args:
        text: TOML, see ``claims.toml``.
    Returns:
        The claims, in the ledger's order.
    Raises:
        ClaimsError: It is not TOML, or not a ledger: an unknown, missing, repeated or impossible entry.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ClaimsError(_syntax_line(text, str(error)), f"not TOML: {error}") from None
    except RecursionError:
        raise ClaimsError(1, "not a ledger: its arrays are nested too deeply") from None
    return _Ledger(text).claims(document)


def _syntax_line(text: str, message: str) -> int:
    line = re.search(r"at line (\d+)", message)
    return int(line[1]) if line else len(text.rstrip().split("\n"))


_Path = tuple[str | int, ...]


class _Ledger:
    """One reading of one text, which it keeps to find the line of an error."""

    def __init__(self, text: str) -> None:
        self._text = text

    def claims(self, document: dict[str, Any]) -> tuple[Claim, ...]:
        self._check_keys(document, ("claim",), (), "the ledger")
        tables = self._tables(document["claim"], ("claim",), "[[claim]]")
        claims = tuple(self._claim(table, ("claim", index)) for index, table in enumerate(tables))
        for name in ("id", "number"):
            seen: list[object] = []
            for index, claim in enumerate(claims):
                value = getattr(claim, name)
                if value in seen:
                    self._fail(("claim", index, name), f"the {name} {value!r} is taken by an earlier claim")
                seen.append(value)
        return claims

    def _claim(self, table: dict[str, Any], path: _Path) -> Claim:
        self._check_keys(table, _CLAIM_KEYS, path, "a claim", optional=_OPTIONAL_KEYS)
        number = table["number"]
        if type(number) is not int or number < 1:
            self._fail((*path, "number"), f"number must be a whole number from 1, not {number!r}")
        quote = table["quote"]
        if not isinstance(quote, list) or not quote or not all(_is_words(words) for words in quote):
            self._fail((*path, "quote"), "quote must be a list of the tutorial's words, each a text that is not empty")
        figures = self._figures(table.get("figures", {}), (*path, "figures"))
        tests = self._tables(table["test"], (*path, "test"), "[[claim.test]]")
        return Claim(
            id=self._words(table, "id", path),
            number=number,
            title=self._words(table, "title", path),
            quote=tuple(quote),
            english=self._words(table, "english", path),
            figures=figures,
            tests=tuple(self._test(test, (*path, "test", index), figures) for index, test in enumerate(tests)),
        )

    def _figures(self, table: object, path: _Path) -> tuple[ClaimFigure, ...]:
        if not isinstance(table, dict):
            self._fail(
                path, f"figures must be a table such as rate_per_s = {{ sync = 1.0, async = 2.0 }}, not {table!r}"
            )
        self._check_keys(table, FIGURE_NAMES, path, "figures", optional=FIGURE_NAMES)
        return tuple(self._figure(name, value, (*path, name)) for name, value in table.items())

    def _figure(self, name: str, table: object, path: _Path) -> ClaimFigure:
        if not isinstance(table, dict):
            self._fail(path, f"{name} must be a table such as {{ sync = 1.0, async = 2.0 }}, not {table!r}")
        twins = ("sync", "async") if name in RATIO_FIGURES else ("async",)
        self._check_keys(table, twins, path, name)
        figure = ClaimFigure(
            name=name,
            sync=self._positive(table, "sync", path) if "sync" in twins else None,
            asynchronous=self._positive(table, "async", path),
        )
        if figure.ratio == 1:
            self._fail(path, f"{name} is the same for both twins, so nothing is claimed that could be tested")
        return figure

    def _test(self, table: dict[str, Any], path: _Path, figures: tuple[ClaimFigure, ...]) -> ClaimTest:
        if "kind" not in table:
            self._fail(path, f"a test needs kind: one of {', '.join(TEST_KEYS)}")
        kind = table["kind"]
        if not isinstance(kind, str) or kind not in TEST_KEYS:
            self._fail((*path, "kind"), f"no kind of test is called {kind!r}{_nearest(kind, TEST_KEYS)}")
        self._check_keys(table, ("kind", "subject", *TEST_KEYS[kind]), path, f"a test of kind {kind}")
        names = {figure.name for figure in figures}
        if kind == "ratio" and not names.intersection(RATIO_FIGURES):
            self._fail(path, f"a test of kind ratio needs a figure in its claim: {', '.join(RATIO_FIGURES)}")
        if kind == "event-loop" and "running_threads" not in names:
            self._fail(path, "a test of kind event-loop needs the figure running_threads in its claim")
        much = self._positive(table, "much", path) if "much" in table else 0.0
        if "much" in table and much <= 1:
            self._fail((*path, "much"), f"much must be a ratio above 1, not {much:g}")
        words = {name: self._words(table, name, path) for name in ("subject", *TEST_KEYS[kind]) if name != "much"}
        return ClaimTest(kind=kind, much=much, **words)

    def _tables(self, value: object, path: _Path, header: str) -> list[dict[str, Any]]:
        if not isinstance(value, list) or not value or not all(isinstance(table, dict) for table in value):
            self._fail(path, f"{path[-1]} must be one or more tables, each under {header}")
        return value

    def _check_keys(
        self, table: dict[str, Any], known: Iterable[str], path: _Path, where: str, optional: Iterable[str] = ()
    ) -> None:
        for key in table:
            if key not in known:
                self._fail((*path, key), f"{where} has no key {key!r}{_nearest(key, known)}")
        for key in known:
            if key not in table and key not in optional:
                self._fail(path, f"{where} needs {key}")

    def _words(self, table: dict[str, Any], key: str, path: _Path) -> str:
        value = table[key]
        if not _is_words(value):
            self._fail((*path, key), f"{key} must be a text that is not empty, not {value!r}")
        return value

    def _positive(self, table: dict[str, Any], key: str, path: _Path) -> float:
        value = table[key]
        # A bool is an int to Python, but not a figure.
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            self._fail((*path, key), f"{key} must be a finite number above 0, not {value!r}")
        return float(value)

    def _fail(self, path: _Path, problem: str) -> NoReturn:
        raise ClaimsError(line_of(self._text, path), problem)


def _is_words(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and bool(value.strip())


def _nearest(name: object, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(names)}"


def line_of(text: str, path: Sequence[str | int]) -> int:
    """Return the 1-based line on which a key or table of a well-formed TOML text begins.

    Reads ever longer prefixes of the text until the key is there. That is slow, but only done for an error, and needs
    no tokeniser of our own: tomllib decides what is inside a string.

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
            # In the middle of a value of several lines, which began where the last valid prefix ended.
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
