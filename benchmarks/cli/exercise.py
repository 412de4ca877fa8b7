"""``lab exercise``: tasks in real apps that check themselves."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks.cli.exits import EXIT_NOT_SOLVED
from benchmarks.cli.group import NearestGroup, lab
from benchmarks.cli.output import json_option, new_console, write_json
from benchmarks.errors import InvalidValueError
from benchmarks.exercises import catalogue
from benchmarks.exercises.catalogue import EXERCISES, Exercise
from benchmarks.report.document import Block, Note, Paragraph
from benchmarks.report.plain_text import one_line

if TYPE_CHECKING:
    # Only who checks needs it.
    from benchmarks.exercises.judging import Judged

FOLDER = Path("exercises")
"""Where exercises are put by default, each into its own folder."""

into_option = click.option(
    "--into",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"The exercise's folder; by default {FOLDER}/ and its name.",
)


def _named(_context: click.Context, argument: click.Parameter, word: str) -> Exercise:
    try:
        return catalogue.find(word)
    except InvalidValueError as error:
        raise click.BadParameter(str(error), param=argument) from error


exercise_argument = click.argument("exercise", metavar="N", callback=_named)


@lab.group(cls=NearestGroup)
def exercise() -> None:
    """Work on a small app until its check passes: thirteen tasks.

    N is a number or a name of `lab exercise list`. A check tries what the app does, and where it does not do it yet,
    says why; so it is also a way to learn what is asked.

    \b
    Examples:
      lab exercise list
      lab exercise start 1
      lab exercise check 1
      lab exercise solution 1

    \b
    Exit status:
      0    done; of `check`: solved
      1    error; the message says what to do
      2    usage
      3    of `check`: not solved yet
    """  # noqa: D301 (\\b is click's mark against rewrapping)


@exercise.command("list")
@json_option
def list_exercises(as_json: bool) -> None:
    """List all exercises, and where those are that were begun."""
    started = {each.number: str(_folder(each)) for each in EXERCISES if _folder(each).is_dir()}
    if as_json:
        told = ("number", "name", "title", "lesson", "minutes")
        listed = [
            {name: getattr(each, name) for name in told} | {"folder": started.get(each.number)} for each in EXERCISES
        ]
        write_json("exercises", exercises=listed)
        return
    # What is begun is below its title, as advice is elsewhere.
    _print(
        Note(f"{each.label}: {each.title} (lesson {each.lesson}, {each.minutes} min)", advice=begun)
        for each in EXERCISES
        for begun in [f"begun in {started[each.number]}" if each.number in started else ""]
    )
    click.echo("\nlab exercise start N puts one into a folder of its own.")


@exercise.command()
@exercise_argument
@into_option
@click.option("--force", is_flag=True, help="Write over what is there: start again.")
@json_option
def start(exercise: Exercise, folder: Path | None, force: bool, as_json: bool) -> None:
    """Put the starting state of exercise N into a folder."""
    place = folder or _folder(exercise)
    written = exercise.start_in(place, force=force)
    if as_json:
        write_json("exercise-start", exercise=exercise.label, folder=place, files=[path.name for path in written])
        return
    click.echo(f"{exercise.label}: {exercise.title}.\n")
    for path in written:
        click.echo(f"  {path}{'   read this first' if path.name == 'task.md' else ''}")
    click.echo(f"\nWhen you are done: {_command('check', exercise, folder)}")


@exercise.command()
@exercise_argument
@into_option
@json_option
def check(exercise: Exercise, folder: Path | None, as_json: bool) -> None:
    """Try what you made of exercise N; exit status 3 as long as it is not solved.

    A check tests what the app does, in a process of its own and for at most half a minute. It ends with the first
    thing that does not go well, and says why.
    """
    from benchmarks.exercises.judging import judge_answer  # noqa: PLC0415 (kept beside its siblings)

    place = folder or (Path() if Path.cwd().name == exercise.label else _folder(exercise))
    if not place.is_dir():
        raise click.ClickException(
            f"There is no folder {place}. To begin: {_command('start', exercise, folder)}. "
            "If it is elsewhere: --into FOLDER."
        )
    judged = judge_answer(exercise, place)
    if as_json:
        write_json(
            "exercise-check",
            exercise=exercise.label,
            folder=place,
            solved=judged.solved,
            findings=judged.findings,
            output=judged.output,
        )
    else:
        _print_judged(exercise, judged)
    if not judged.solved:
        sys.exit(EXIT_NOT_SOLVED)


@exercise.command()
@exercise_argument
@click.option("--yes", "is_sure", is_flag=True, help="Do not ask first.")
@json_option
def solution(exercise: Exercise, is_sure: bool, as_json: bool) -> None:
    """Print a solution of exercise N, and why it is one."""
    if as_json:
        if not is_sure:
            raise click.UsageError("With --json there is no question first: add --yes.")
        write_json(
            "exercise-solution",
            exercise=exercise.label,
            explanation=exercise.explanation(),
            files=exercise.solution_files(),
        )
        return
    if not is_sure:
        click.echo(f"`lab exercise check {exercise.number}` gives a hint for what does not go well yet.")
        click.confirm("Show the solution anyway?", abort=True)
        click.echo()
    files = [f"{name}:\n\n{textwrap.indent(text, '    ')}" for name, text in exercise.solution_files().items()]
    click.echo("\n".join([f"{exercise.label}: {exercise.title}\n", exercise.explanation(), *files]))


def _print(blocks: Iterable[Block]) -> None:
    from benchmarks.report.formats.terminal import print_blocks  # noqa: PLC0415 (brings rich)

    print_blocks(new_console(highlight=False), blocks)


def _print_judged(exercise: Exercise, judged: Judged) -> None:
    """Print the findings of a check, what the app wrote where they say too little, and what to do next."""
    _print(Note(each.what, "good" if each.passed else "bad", each.hint or "") for each in judged.findings)
    click.echo()
    if judged.solved:
        told = f"{exercise.label} is solved. Why it is so: lab exercise solution {exercise.number}."
        following = [f" Next: lab exercise start {each.number}." for each in EXERCISES if each.number > exercise.number]
        _print([Paragraph("".join((told, *following[:1])), "strong")])
        return
    if judged.output:
        click.echo("What the app wrote:")
        for line in judged.output.splitlines():
            indent = line[: len(line) - len(line.lstrip())].expandtabs()
            click.echo(f"  | {indent}{one_line(line)}")
        click.echo()
    _print([Paragraph(f"Not solved yet. Change it, then: lab exercise check {exercise.number}", "strong")])


def _folder(exercise: Exercise) -> Path:
    return FOLDER / exercise.label


def _command(name: str, exercise: Exercise, folder: Path | None) -> str:
    return f"lab exercise {name} {exercise.number}" + (f" --into {folder}" if folder else "")
