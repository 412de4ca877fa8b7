"""Prints a crossover map: heat maps of letters and figures, which colour only repeats, then what they come to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from benchmarks.judge.crossover import CrossoverMap
from benchmarks.report.crossover.story import LETTERS, Grid, MapStory, Square, tell_map
from benchmarks.report.printer import Printer, print_in_any_encoding

_MORE: Final = ("green", "bold green", "bold white on green")
_LESS: Final = ("red", "bold red", "bold white on red")
_BY_LETTER: Final = ("bold yellow", "bold magenta", "bold cyan", "bold blue", "bold green", "bold red")


def print_map(console: Console, found: CrossoverMap, location: Path | None = None) -> None:
    """Print a map.

    A console whose encoding lacks the signs gets ASCII.

    Args:
        console: Where to; its width is kept to.
        found: The map.
        location: Where its page lies, told at the end when given.
    """
    story = tell_map(found)
    print_in_any_encoding(console, lambda chosen: _MapPrinter(chosen).story(story, location))


class _MapPrinter(Printer):
    """Prints one map on one console."""

    def story(self, story: MapStory, location: Path | None) -> None:
        """Print everything, the answers last: that is what still stands on the screen when the prompt is back."""
        self._contestants(story)
        for grid in (story.winners, *story.keywords):
            self._grid(grid, story)
        self._list("Where theory and measurement part", _with_more(story))
        self._list("What ought not to be", story.breaks)
        self._list("Notes", (story.precision, *story.notes))
        self.heading("Where does async def pay?")
        for answer in story.answers:
            self.hanging("  ", answer)
        self.console.print(Text(f"\nMeasure it again: {story.command}"), soft_wrap=True)
        if location is not None:
            self.console.print(Text(f"Report: {location}"), soft_wrap=True)

    def _contestants(self, story: MapStory) -> None:
        self.heading("Contenders, and what limits each")
        for each in story.contestants:
            self.hanging(f"{each.letter}  ", each.contender, style=_letter_style(each.letter))
            self.hanging("   ", f"{each.threads}; {each.cpu} of CPU a request; {each.service} alone")

    def _grid(self, grid: Grid, story: MapStory) -> None:
        self.heading(grid.title)
        self.hanging("", f"{grid.explanation} Down: the wait. Across: connections.", style="dim")
        head_cells = max(map(cell_len, story.rows))
        labels = [square.label for row in grid.squares for square in row]
        width = max(map(cell_len, [*labels, *story.columns])) + 1
        per_band = max(1, (self.console.width - head_cells) // width)
        for start in range(0, len(story.columns), per_band):
            columns = slice(start, start + per_band)
            header = "".join(f"{column:>{width}}" for column in story.columns[columns])
            self.console.print(Text(f"{'':{head_cells}}{header}", "dim"), soft_wrap=True)
            for name, squares in zip(story.rows, grid.squares, strict=True):
                line = Text(f"{name:>{head_cells}}", "dim")
                for square in squares[columns]:
                    line.append(" " * (width - cell_len(square.label)))
                    line.append(square.label, _style(square))
                self.console.print(line, soft_wrap=True)
        for waits, text in grid.boundaries:
            self.hanging(f"  {waits}: ", text)

    def _list(self, heading: str, lines: Sequence[str]) -> None:
        if lines:
            self.heading(heading)
        for line in lines:
            self.hanging("- ", line)


def _style(square: Square) -> str:
    if square.standing == "equal":
        return "dim"
    if square.standing == "unsure":
        return "yellow"
    if square.letter:
        return _letter_style(square.letter)
    return (_MORE if square.standing == "more" else _LESS)[square.level - 1]


def _letter_style(letter: str) -> str:
    return _BY_LETTER[LETTERS.index(letter) % len(_BY_LETTER)]


def _with_more(story: MapStory) -> tuple[str, ...]:
    more = f"And at {story.more_partings} more places; the page has them all in its charts."
    return (*story.partings, more) if story.more_partings else story.partings
