"""How commands print their document: in any format, on standard output or into a file."""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks.cli.exits import ending_unread
from benchmarks.errors import LabError
from benchmarks.report.formats import FORMATS, render, write_both, write_whole

if TYPE_CHECKING:
    from rich.console import Console

    # What it is made of is imported when there is one.
    from benchmarks.report.document import Document

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document; messages go to standard error."
)
"""Gives a command the option, passed to it as ``as_json``."""


@dataclass(frozen=True, slots=True)
class Output:
    """Where and how a command prints its document.

    Attributes:
        form: A format, which is then all that is written; ``None`` prints it for a person.
        file: Written instead of standard output.
        details: Whether to print what is folded.
    """

    form: str | None
    file: Path | None
    details: bool

    @property
    def console(self) -> Console:
        """The console for what a person reads on the way: standard error when a program reads standard output."""
        return new_console(stderr=self.form is not None)

    def tell_and_keep(self, document: Document, folder: Path, name: str, advice: str) -> None:
        """Write a document into a folder as Markdown and as a page, and print it.

        Args:
            document: The result of the command.
            folder: The run's, or the map's.
            name: Of both files, without their endings.
            advice: What to do where they cannot be written.
        Raises:
            LabError: A file cannot be written; the document was printed nevertheless.
        """
        from benchmarks.report.document import Command  # noqa: PLC0415 (with the document)

        try:
            page = write_both(folder, name, document, advice)
        except LabError:
            self.tell(document)
            raise
        if self.form is None:
            document = dataclasses.replace(document, blocks=(*document.blocks, Command("Report", str(page))))
        self.tell(document)
        if self.form is not None:
            click.echo(f"Report: {page}", err=True)

    def tell(self, document: Document) -> None:
        """Print a document, or write it in the format that was asked for.

        Raises:
            LabError: The file cannot be written.
        """
        if self.form is None:
            from benchmarks.report.formats.terminal import print_document  # noqa: PLC0415 (brings rich)

            print_document(new_console(highlight=False), document, details=self.details)
        elif self.file is None:
            write_out(render(document, self.form))
        else:
            write_whole(self.file, render(document, self.form))


def new_console(**options: bool) -> Console:
    """Return a console for what a person reads.

    rich is imported with the first: not every command prints, and none does before it has read its options.

    Args:
        options: Of rich's own ``Console``.
    """
    from rich.console import Console  # noqa: PLC0415 (slow to import)

    return Console(**options)  # type: ignore[arg-type] # each of these options is a bool


def document_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of how to print its document, passed to it as ``output``."""

    def known(_context: click.Context, option: click.Parameter, form: str | None) -> str | None:
        if form not in (None, *FORMATS):
            raise click.BadParameter(f"{form!r} is not one of {', '.join(FORMATS)}.", param=option)
        return form

    @click.option(
        "--format",
        "form",
        metavar=f"[{'|'.join(FORMATS)}]",
        callback=known,
        help="Write this alone, to standard output.",
    )
    @click.option("--output", "file", type=click.Path(path_type=Path, dir_okay=False), help="Write it to this file.")
    @click.option("--details", is_flag=True, help="Also print what is folded in the page.")
    @json_option
    @functools.wraps(command)
    def told(
        *arguments: Any, form: str | None, file: Path | None, details: bool, as_json: bool, **options: Any
    ) -> None:
        if as_json:
            if form not in (None, "json"):
                raise click.UsageError(f"--json and --format {form} are two formats: choose one.")
            form = "json"
        if file is not None and form is None:
            raise click.UsageError(f"--output needs --format: {', '.join(FORMATS)}.")
        command(*arguments, output=Output(form, file, details), **options)

    return told


def write_json(kind: str, /, **content: object) -> None:
    """Write one JSON document to standard output.

    Args:
        kind: See ``json_document``.
        content: The same.
    """
    from benchmarks.report.formats.data import json_document  # noqa: PLC0415 (only what writes JSON needs it)

    write_out(json_document(kind, **content))


def write_out(text: str) -> None:
    """Write a document to standard output, in UTF-8 whatever the terminal's encoding is."""
    with ending_unread(sys.stdout):
        sys.stdout.buffer.write(text.encode("utf-8", "replace"))
        sys.stdout.buffer.flush()
