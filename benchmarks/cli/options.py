"""Types of option values that several commands share."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import click


class Seconds(click.ParamType[float]):
    """A duration: ``30s``, ``500ms``, ``2m``, or a plain number of seconds; within bounds."""

    name = "duration"
    _UNITS: ClassVar = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0}

    def __init__(self, minimum: float, maximum: float) -> None:
        self.minimum, self.maximum = minimum, maximum

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|)", str(value).strip())
        if match is None:
            self.fail(f"{value!r} is not a duration; write 30s, 500ms or 2m", param, ctx)
        seconds = float(match[1]) * self._UNITS[match[2]]
        if not self.minimum <= seconds <= self.maximum:
            self.fail(f"{value} is outside {self.minimum:g} s to {self.maximum:g} s", param, ctx)
        return seconds


class Host(click.ParamType[str]):
    """An address to listen on. An empty one, as an unset variable leaves it, would be every address of the machine."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it as it is."""
        if not str(value).strip():
            self.fail("it is empty; name an address of this machine", param, ctx)
        return str(value)


class Rate(click.ParamType[float]):
    """A rate: ``2000/s``, or a plain number of requests per second; within bounds."""

    name = "rate"

    def __init__(self, minimum: float, maximum: float) -> None:
        self.minimum, self.maximum = minimum, maximum

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return requests per second."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:/\s*s)?", str(value).strip())
        if match is None:
            self.fail(f"{value!r} is not a rate; write 2000/s or 2000", param, ctx)
        rate_per_s = float(match[1])
        if not self.minimum <= rate_per_s <= self.maximum:
            self.fail(f"{value} is outside {self.minimum:g}/s to {self.maximum:g}/s", param, ctx)
        return rate_per_s


class Percent(click.ParamType[float]):
    """A share: ``70%``, ``3 %`` or the same number without the sign; within bounds in percent."""

    name = "percent"

    def __init__(self, minimum: float, maximum: float) -> None:
        self.minimum, self.maximum = minimum, maximum

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return a fraction: 0.7 for ``70%``."""
        if isinstance(value, float):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%?", str(value).strip())
        if match is None:
            self.fail(f"{value!r} is not a percentage; write 70% or 2.5%", param, ctx)
        percent = float(match[1])
        if not self.minimum <= percent <= self.maximum:
            self.fail(f"{value} is outside {self.minimum:g}% to {self.maximum:g}%", param, ctx)
        return percent / 100
