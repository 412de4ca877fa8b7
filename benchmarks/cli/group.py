"""The group of all commands; it suggests the nearest for an unknown one, and gives an interrupted one its status."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from typing import Any, Final

import click

from benchmarks.cli.exits import EXIT_REFUSED, READER_GONE, exit_interrupted, terminable, words_for
from benchmarks.errors import InvalidValueError, LabError, RefusedError, did_you_mean

COMMANDS: Final = {
    "advise": "crossover",
    "check": "check",
    "claims": "lists",
    "compare": "compare",
    "conformance": "conformance",
    "contenders": "lists",
    "crossover": "crossover",
    "diff": "several",
    "doctor": "compare",
    "exercise": "exercise",
    "explain": "explain",
    "init": "init",
    "live": "live",
    "locust": "locust",
    "pool": "several",
    "report": "several",
    "serve": "serve",
}
"""The module of each command of ``lab``, which is imported when the command is asked for.

Together they bring all of the instrument, which takes seconds on a slow laptop, and ``lab --help`` needs none of it.
"""


class _Refusal(click.ClickException):
    exit_code = EXIT_REFUSED


class LabCommand(click.Command):
    """A command that reports the lab's errors like click's own."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except InvalidValueError as error:
            if error.option:
                raise click.BadParameter(str(error), ctx, param_hint=error.option) from error
            raise click.UsageError(str(error), ctx) from error
        except LabError as error:
            raise (_Refusal if isinstance(error, RefusedError) else click.ClickException)(str(error)) from error


class NearestGroup(click.Group):
    """A group of such commands: it answers an unknown one with the nearest, and ends as a signal demands."""

    command_class = LabCommand
    group_class: type[click.Group | type] | None = type

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the nearest command for an unknown one."""
        name = args[0] if args else ""
        if name and self.get_command(ctx, name) is None and not name.startswith("-"):
            ctx.fail(f"There is no command {name!r}.{did_you_mean(name, self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Read the command line; ``--help``, too, may be read only in part."""
        try:
            return super().make_context(*arguments, **options)
        except KeyboardInterrupt as interrupt:
            exit_interrupted(interrupt)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; Ctrl-C and SIGTERM end it with their statuses where it does not say more itself."""
        with terminable():
            try:
                return super().invoke(ctx)
            except KeyboardInterrupt as interrupt:
                # A reader that goes away knows why the output ends.
                if interrupt.args != (READER_GONE,):
                    click.echo(words_for(interrupt), err=True)
                exit_interrupted(interrupt)


class _Lab(NearestGroup):
    """The group of ``COMMANDS``."""

    group_class = NearestGroup

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names of all commands, imported or not."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return a command; its module adds it to the group when it is imported."""
        if name in COMMANDS:
            importlib.import_module(f"benchmarks.cli.{COMMANDS[name]}")
        return super().get_command(ctx, name)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with what their functions say first, without importing them."""
        room = formatter.width - 6 - max(map(len, COMMANDS))
        told: dict[str, str | None] = {}
        for module in set(COMMANDS.values()):
            source = Path(__file__).with_name(f"{module}.py").read_text(encoding="utf-8")
            told |= {
                node.name: ast.get_docstring(node)
                for node in ast.parse(source).body
                if isinstance(node, ast.FunctionDef)
            }
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, click.Command(name, help=told[name]).get_short_help_str(room)) for name in COMMANDS]
            )


@click.group(
    cls=_Lab,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100, "show_default": True},
)
@click.version_option(package_name="sync-async-lab", prog_name="lab")
def lab() -> None:
    """Is async faster? Try the claims of a FastAPI tutorial on real servers, for FastAPI and for Flask.

    Begin with `lab compare`: in three minutes it prints a verdict on each claim, with its uncertainty and the cause,
    and leaves a report to open. `lab serve` starts the Flask app for a browser.

    \b
    Exit status:
      0    measured
      1    error; the message says what to do
      2    usage
      3    refused: verdicts are withheld (the A/A placebo failed), or what was asked for would mislead
      4    findings: `lab check` found a regression, or an arrangement that `lab conformance` was given by name fails a
           probe
      5    `lab check --strict`: undecided
      130  interrupted (143 by SIGTERM, 141 when the reader of the output is gone); what was measured is kept
    """  # noqa: D301 (\\b is click's mark against rewrapping)
