"""Settle what a deployment may choose, from the environment and once."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Self

from flask import Flask

Variant = Literal["sync", "async"]

PREFIX = "LAB_"
_CONFIG_KEY = "LAB_SETTINGS"
# Below this likeness a LAB_ variable is taken for somebody else's.
_NEAR_MISS = 0.85


class SettingsError(SystemExit):
    """A variable of the environment is not what the service takes; the message says what is allowed.

    Uncaught, it ends the process with that message: ``flask run`` and Hypercorn import the app themselves, and a
    traceback through their insides would bury it.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a deployment may choose; each is also ``LAB_`` and its name in capitals in the environment.

    Attributes:
        health_variant: The twin that serves ``GET /health``.
        version: What the health answer gives as its version; ``None`` for an API that has none.
        max_request_body_bytes: A request that announces a longer body is refused with a 413.
        worker_threads: Behind the event-loop bridge, the most threads, and so ``def`` views at work at once.
    """

    health_variant: Variant = "sync"
    version: int | None = 1
    max_request_body_bytes: int = 64 * 1024
    worker_threads: int = 40

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the ``LAB_`` variables; what is not set keeps its default.

        Args:
            environment: Variables by name, ``os.environ`` for one.
        Raises:
            SettingsError: A value is not allowed, or a name is nearly one of ours.
        """
        names = {PREFIX + field.name.upper(): field.name for field in fields(cls)}
        chosen: dict[str, Any] = {}
        for variable, text in environment.items():
            if variable in names:
                chosen[names[variable]] = _read(variable, text, _FORMS[names[variable]])
            elif variable.startswith(PREFIX):
                _refuse_near_miss(variable, text, list(names))
        return cls(**chosen)

    def init_app(self, app: Flask) -> None:
        """Make these the settings of an app."""
        app.config[_CONFIG_KEY] = self


def settings_of(app: Flask) -> Settings:
    """Return the settings that an app was created with."""
    settings: Settings = app.config[_CONFIG_KEY]
    return settings


@dataclass(frozen=True, slots=True)
class _Form:
    """How one setting is written: how to read it, and in words what is allowed."""

    read: Callable[[str], Any]
    allowed: str


def _read(variable: str, text: str, form: _Form) -> Any:
    try:
        return form.read(text.strip())
    except ValueError:
        raise SettingsError(f"{variable}={text!r} is not allowed: it takes {form.allowed}.") from None


def _refuse_near_miss(variable: str, text: str, names: list[str]) -> None:
    near = difflib.get_close_matches(variable, names, n=1, cutoff=_NEAR_MISS)
    if near:
        raise SettingsError(f"{variable}={text!r} is unknown: did you mean {near[0]}? Rename it, or unset it.")


def _variant(text: str) -> Variant:
    if text == "sync":
        return "sync"
    if text == "async":
        return "async"
    raise ValueError(text)


def _version(text: str) -> int | None:
    return None if text == "null" else _whole(text)


def _whole(text: str) -> int:
    # int() also takes underscores, signs and the digits of every script: no slip of the keyboard should pass.
    if not (text.isascii() and text.isdigit()):
        raise ValueError(text)
    return int(text)


def _positive(text: str) -> int:
    number = _whole(text)
    if number == 0:
        raise ValueError(text)
    return number


_FORMS: Mapping[str, _Form] = {
    "health_variant": _Form(_variant, "sync or async"),
    "version": _Form(_version, "a whole number from 0, or null"),
    "max_request_body_bytes": _Form(_whole, "a whole number of bytes from 0"),
    "worker_threads": _Form(_positive, "a whole number of threads from 1"),
}
