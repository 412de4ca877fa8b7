"""Prints whether a machine is fit to measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from benchmarks.judge import wording
from benchmarks.judge.fitness import Fitness, Level, Sign
from benchmarks.report.plain_text import one_line

_MARKS: Final[Mapping[Level, tuple[str, str]]] = {
    "good": ("✓", "green"),
    "warning": ("!", "yellow"),
    "bad": ("✗", "bold red"),
}
_ASCII: Final = {"✓": "+", "!": "!", "✗": "x"}
_INDENT: Final = 2


def print_fitness(console: Console, fitness: Fitness) -> None:
    """Print every sign, then the verdict, which is what still stands on the screen at the end."""
    print_signs(console, fitness.signs)
    if fitness.spread is not None:
        told = f"From round to round two equal things differ by {100 * fitness.spread.value:.1f} % (standard deviation"
        _paragraph(console, f"{told} over {wording.rounds(fitness.spread.rounds)}).")
    console.print()
    _paragraph(console, fitness.verdict, "bold" if fitness.fit else "bold red")


def print_signs(console: Console, signs: Sequence[Sign]) -> None:
    """Print signs, each with what to do about it."""
    for sign in signs:
        mark, style = _MARKS[sign.level]
        shown = _ASCII[mark] if console.options.ascii_only else mark
        _paragraph(console, f"{shown} {sign.what}", style if sign.level != "good" else "")
        if sign.advice:
            _paragraph(console, sign.advice, indent=_INDENT)


def _paragraph(console: Console, text: str, style: str = "", indent: int = 0) -> None:
    told = one_line(text)
    if console.options.ascii_only:
        told = told.replace("×", "x").replace("±", "+-").replace("µ", "u").encode("ascii", "replace").decode("ascii")
    console.print(Padding(Text(told, style=style), (0, 0, 0, indent)), highlight=False)
