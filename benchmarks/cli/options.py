"""Types of option values that several commands share."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from functools import partial
from typing import Any

import click


class Amount(click.ParamType[float]):
    """A number with a unit, within bounds.

    Args:
        name: What it is, for messages.
        units: Each unit that may be written, in the unit of the bounds.
        sign: The unit of the bounds, as messages write it.
        examples: Of what may be written.
        minimum: The least that is taken.
        maximum: The most.
        per_value: How much of that unit is 1 for the command.
    """

    def __init__(  # noqa: PLR0917 (the first four are bound below)
        self,
        name: str,
        units: Mapping[str, float],
        sign: str,
        examples: str,
        minimum: float,
        maximum: float,
        *,
        per_value: float = 1.0,
    ) -> None:
        self.name, self._units, self._sign, self._examples = name, units, sign, examples
        self._minimum, self._maximum, self._per_value = minimum, maximum, per_value

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number for the command; a float is one already."""
        if isinstance(value, float):
            return value
        written = str(value).strip()
        match = re.fullmatch(rf"(\d+(?:\.\d+)?)\s*({'|'.join(self._units)})", re.sub(r"/\s+", "/", written))
        if match is None:
            self.fail(f"{value!r} is not a {self.name}; write {self._examples}", param, ctx)
        amount = float(match[1]) * self._units[match[2]]
        if not self._minimum <= amount <= self._maximum:
            self.fail(f"{value} is outside {self._minimum:g}{self._sign} to {self._maximum:g}{self._sign}", param, ctx)
        return amount / self._per_value


Seconds = partial(Amount, "duration", {"ms": 0.001, "s": 1.0, "m": 60.0, "": 1.0}, " s", "30s, 500ms or 2m")
"""A duration: ``30s``, ``500ms``, ``2m``, or a plain number of seconds."""

Rate = partial(Amount, "rate", {"/s": 1.0, "": 1.0}, "/s", "2000/s or 2000")
"""A rate: ``2000/s``, or a plain number of requests per second."""

Percent = partial(Amount, "percentage", {"%": 1.0, "": 1.0}, "%", "70% or 2.5%", per_value=100.0)
"""A share: ``70%``, ``3 %`` or the same number without the sign; a fraction for the command: 0.7."""


class Host(click.ParamType[str]):
    """An address to listen on. An empty one, as an unset variable leaves it, would be every address of the machine."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it as it is."""
        if not str(value).strip():
            self.fail("it is empty; name an address of this machine", param, ctx)
        return str(value)


seed_option = click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=lambda: secrets.randbelow(2**32),
    show_default=False,
    help="Of the random order; chosen and recorded if absent.",
)
"""Gives a command the option, passed to it as ``seed``."""
