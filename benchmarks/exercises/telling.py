"""Prints exercises, and the findings of a check."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from benchmarks.exercises.catalogue import EXERCISES, Exercise
from benchmarks.exercises.judging import Judged
from benchmarks.report.plain_text import one_line, to_ascii

_INDENT: Final = 2
_TITLE_INDENT: Final = 4
_NAME_WIDTH: Final = max(len(exercise.name) for exercise in EXERCISES)


def print_exercises(console: Console, started: Mapping[int, str]) -> None:
    """Print all exercises, and the folders of those that were begun.

    Args:
        console: The console.
        started: Folders by number.
    """
    for exercise in EXERCISES:
        name = f"[bold]{exercise.name:<{_NAME_WIDTH}}[/bold]"
        told = f"lesson {exercise.lesson}, {exercise.minutes} min"
        console.print(f"{exercise.number:02}  {name}  {told}", highlight=False)
        _paragraph(console, exercise.title, indent=_TITLE_INDENT)
        if exercise.number in started:
            _paragraph(console, f"begun in {started[exercise.number]}", "dim", indent=_TITLE_INDENT)
    console.print(_shown(console, "\nlab exercise start N puts one into a folder of its own."), highlight=False)


def print_judged(console: Console, exercise: Exercise, judged: Judged) -> None:
    """Print the findings of a check, and what to do next."""
    for finding in judged.findings:
        sign, style = ("✓", "") if finding.passed else ("✗", "bold red")
        _paragraph(console, f"{sign} {finding.what}", style)
        if finding.hint:
            _paragraph(console, finding.hint, indent=_INDENT)
    if judged.solved:
        following = next((other for other in EXERCISES if other.number == exercise.number + 1), None)
        told = f"{exercise.label} is solved. Why it is so: lab exercise solution {exercise.number}."
        told += f" Next: lab exercise start {following.number}." if following else ""
        _paragraph(console, f"\n{told}", "bold green")
        return
    if judged.output:
        _paragraph(console, "\nWhat the app wrote:")
        for line in judged.output.splitlines():
            indent = line[: len(line) - len(line.lstrip())].expandtabs()
            told = f"  | {indent}{_shown(console, one_line(line))}"
            console.print(Text(told, style="dim"), highlight=False, soft_wrap=True)
    _paragraph(console, f"\nNot solved yet. Change it, then: lab exercise check {exercise.number}", "bold")


def solution_text(exercise: Exercise) -> str:
    """Return the explanation, then each file of the solution."""
    files = [f"{name}:\n\n{textwrap.indent(text, '    ')}" for name, text in exercise.solution_files().items()]
    return "\n".join([f"{exercise.label}: {exercise.title}\n", exercise.explanation(), *files])


def _paragraph(console: Console, text: str, style: str = "", indent: int = 0) -> None:
    if text.startswith("\n"):
        console.print()
    told = _shown(console, one_line(text.strip()))
    console.print(Padding(Text(told, style=style), (0, 0, 0, indent)), highlight=False)


def _shown(console: Console, text: str) -> str:
    return to_ascii(text) if console.options.ascii_only else text
