"""Writes the reference of the command line from the commands themselves: ``python -m benchmarks.cli.reference``.

``docs/reference/cli.md`` is what it prints; a test fails while the two differ, or while something has no description.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Iterator

import click

from benchmarks.cli import lab

_WIDTH = 120
_HEAD = """\
# Command line

<!-- Written by `python -m benchmarks.cli.reference`; change the commands, not this page. -->

Every command and option of `lab`, as `lab COMMAND --help` prints them too. Exit statuses are described in
[Exit statuses](exit-statuses.md), what `--json` prints in [JSON](json.md)."""


class UndocumentedError(Exception):
    """A command or an option has no help; the message names it."""


def reference() -> str:
    """Return the page, in Markdown.

    Raises:
        UndocumentedError: A command or an option has no description.
    """
    return "\n\n".join([_HEAD, *_of_command(click.Context(lab, info_name="lab", **lab.context_settings))]) + "\n"


def _of_command(context: click.Context) -> Iterator[str]:
    command = context.command
    if not command.help:
        raise UndocumentedError(f"`{context.command_path}` has no docstring.")
    yield f"## {context.command_path}"
    yield _block([f"{context.command_path} {' '.join(command.collect_usage_pieces(context))}".strip()])
    yield from _paragraphs(command.help)
    options = [each for each in command.get_params(context) if isinstance(each, click.Option)]
    if told := [_of_option(context, each) for each in options if not each.hidden and not each.is_eager]:
        yield "\n".join(told)
    if not isinstance(command, click.Group):
        return
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        if inner is not None and not inner.hidden:
            yield from _of_command(click.Context(inner, parent=context, info_name=name, **inner.context_settings))


def _of_option(context: click.Context, option: click.Option) -> str:
    record = option.get_help_record(context)
    if record is None or not option.help:
        raise UndocumentedError(f"`{context.command_path}`: {option.opts[-1]} has no help.")
    names, told = record
    item = f"- `{names}`: {' '.join(told.split())}"
    return textwrap.fill(item, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _paragraphs(text: str) -> Iterator[str]:
    """Yield a help text's paragraphs; those that click must not rewrap become blocks."""
    for paragraph in inspect.cleandoc(text).split("\f")[0].strip().split("\n\n"):
        kept, _, rest = paragraph.partition("\n")
        if kept.strip() != "\b":
            yield textwrap.fill(" ".join(paragraph.split()), _WIDTH, break_long_words=False, break_on_hyphens=False)
            continue
        title, *lines = rest.splitlines()
        yield title
        yield _block(textwrap.dedent("\n".join(lines)).splitlines())


def _block(lines: list[str]) -> str:
    return "\n".join(["```text", *lines, "```"])


if __name__ == "__main__":
    try:
        sys.stdout.buffer.write(reference().encode("utf-8"))
    except UndocumentedError as error:
        sys.exit(f"{error} Say what it does, where it is declared.")
