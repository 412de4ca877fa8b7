"""Types of option values that several commands share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import click


class _Amount(click.ParamType[float]):
    """A number with a unit, within bounds.

    Args:
        minimum: The least that is taken, in the unit of ``SIGN``.
        maximum: The most.
    """

    # Each unit that may be written, in the unit of the bounds; that unit as messages write it; and how much of it is 1
    # for the command.
    UNITS: ClassVar[Mapping[str, float]]
    SIGN: ClassVar[str]
    PER_VALUE: ClassVar = 1.0
    EXAMPLES: ClassVar[str]

    def __init__(self, minimum: float, maximum: float) -> None:
        self.minimum, self.maximum = minimum, maximum

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number for the command; a float is one already."""
        if isinstance(value, float):
            return value
        written = str(value).strip()
        match = re.fullmatch(rf"(\d+(?:\.\d+)?)\s*({'|'.join(self.UNITS)})", re.sub(r"/\s+", "/", written))
        if match is None:
            self.fail(f"{value!r} is not a {self.name}; write {self.EXAMPLES}", param, ctx)
        amount = float(match[1]) * self.UNITS[match[2]]
        if not self.minimum <= amount <= self.maximum:
            self.fail(f"{value} is outside {self.minimum:g}{self.SIGN} to {self.maximum:g}{self.SIGN}", param, ctx)
        return amount / self.PER_VALUE


class Seconds(_Amount):
    """A duration: ``30s``, ``500ms``, ``2m``, or a plain number of seconds."""

    name = "duration"
    UNITS: ClassVar = {"ms": 0.001, "s": 1.0, "m": 60.0, "": 1.0}
    SIGN = " s"
    EXAMPLES = "30s, 500ms or 2m"


class Rate(_Amount):
    """A rate: ``2000/s``, or a plain number of requests per second."""

    name = "rate"
    UNITS: ClassVar = {"/s": 1.0, "": 1.0}
    SIGN = "/s"
    EXAMPLES = "2000/s or 2000"


class Percent(_Amount):
    """A share: ``70%``, ``3 %`` or the same number without the sign; a fraction for the command: 0.7."""

    name = "percentage"
    UNITS: ClassVar = {"%": 1.0, "": 1.0}
    SIGN = "%"
    EXAMPLES = "70% or 2.5%"
    PER_VALUE = 100.0


class Host(click.ParamType[str]):
    """An address to listen on. An empty one, as an unset variable leaves it, would be every address of the machine."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it as it is."""
        if not str(value).strip():
            self.fail("it is empty; name an address of this machine", param, ctx)
        return str(value)
