"""Gives a command the load engine that it was asked for, or the one that another command has started for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import click

from benchmarks.measure.load.engine import LoadEngine, LoadEngineError, UnknownEngineError, find_engine


@dataclass(frozen=True, slots=True)
class GivenEngine:
    """A load engine that runs already, for a command that is invoked by another.

    Attributes:
        engine: Itself.
        facts: What there is to know of it, beside what it says itself.
    """

    engine: LoadEngine
    facts: Mapping[str, str | int]


def engine_for(context: click.Context, name: str) -> LoadEngine:
    """Return the engine that an outer command has started, else the one of this name.

    Args:
        context: Of the command that wants it.
        name: As it was asked for.
    Raises:
        click.BadParameter: There is none of this name.
        click.ClickException: What it runs is not installed.
    """
    given = context.find_object(GivenEngine)
    if given is not None:
        return given.engine
    try:
        return find_engine(name)
    except UnknownEngineError as error:
        raise click.BadParameter(str(error), param_hint="--engine") from error
    except LoadEngineError as error:
        raise click.ClickException(str(error)) from error


def facts_of(context: click.Context, engine: LoadEngine) -> dict[str, str | int]:
    """Return what there is to know of the engine that a command uses, to be recorded."""
    given = context.find_object(GivenEngine)
    return {**engine.facts(), **({} if given is None else given.facts)}
