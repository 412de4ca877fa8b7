"""Renders a crossover map as Markdown: the answers, the heat maps as tables, and where theory and measurement part."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.judge.crossover import CrossoverMap
from benchmarks.report.crossover.story import Grid, MapStory, tell_map
from benchmarks.report.markdown import escaped


def render_map_markdown(found: CrossoverMap) -> str:
    """Return a map as one Markdown document."""
    return "\n".join(_lines(tell_map(found))) + "\n"


def _lines(story: MapStory) -> Iterator[str]:
    yield "# Where does `async def` pay?"
    yield ""
    yield from (f"- {escaped(answer)}" for answer in story.answers)
    yield from ("", "## Contenders, and what limits each", "")
    yield "| | Contender | Waits at once | CPU a request | Alone |"
    yield "|---|---|---|---:|---:|"
    for each in story.contestants:
        cells = (each.letter, f"`{each.contender}`", *map(escaped, (each.threads, each.cpu, each.service)))
        yield f"| {' | '.join(cells)} |"
    for grid in (*story.keywords, story.winners):
        yield from ("", *_grid(grid, story))
    if story.partings:
        yield from ("", "## Where theory and measurement part", "")
        yield from (f"- {escaped(parting)}" for parting in story.partings)
        if story.more_partings:
            yield f"- And at {story.more_partings} more places."
    if story.breaks:
        yield from ("", "## What ought not to be", "")
        yield from (f"- {escaped(found)}" for found in story.breaks)
    yield from ("", "## How it was measured", "")
    yield from (f"- {escaped(rule)}" for rule in (*story.method, story.precision))
    if story.notes:
        yield from ("", "## Notes", "")
        yield from (f"- {escaped(note)}" for note in story.notes)
    yield from ("", "## Measure it again", "", "```console", f"$ {story.command}", "```", "")
    yield f"Run {escaped(story.name)}, {escaped(story.when)}. Every trial is in `run.json` beside this file."


def _grid(grid: Grid, story: MapStory) -> Iterator[str]:
    yield from (f"## {escaped(grid.title)}", "", escaped(f"{grid.explanation} Bold is measured."), "")
    yield f"| wait, connections | {' | '.join(story.columns)} |"
    yield f"|---:|{'---:|' * len(story.columns)}"
    for name, squares in zip(story.rows, grid.squares, strict=True):
        cells = [f"**{escaped(square.label)}**" if square.measured else escaped(square.label) for square in squares]
        yield f"| {name} | {' | '.join(cells)} |"
    if grid.boundaries:
        yield from ("", "| wait | async def |", "|---|---|")
        yield from (f"| {escaped(waits)} | {escaped(text)} |" for waits, text in grid.boundaries)
