"""Read a deployment's settings from the environment, once."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from flask import Flask

Variant = Literal["sync", "async"]

PREFIX = "LAB_"
_CONFIG_KEY = "LAB_SETTINGS"
_IN_MEMORY = "sqlite://"
_DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg"}
_MAXIMUM_PORT = 65_535
_DAY_MS = 24 * 60 * 60 * 1_000
# LAB_ variables less similar than this are ignored.
_NEAR_MISS = 0.85


class SettingsError(SystemExit):
    """An environment variable has an invalid name or value; the message says what is allowed.

    Uncaught, it ends the process with that message. ``flask run`` and Hypercorn import the app themselves, and a
    traceback through their internals would hide it.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A deployment's settings. Each has an environment variable: ``LAB_`` and its name in capitals.

    Attributes:
        health_variant: The twin that serves ``GET /health`` and ``GET /health/ready``.
        version: The version in the health answer; ``None`` for an API without one.
        max_request_body_bytes: A request that announces a longer body is refused with a 413.
        worker_threads: Behind the event-loop bridge, the maximum number of ``def`` functions that run at once.
        database_url: The database that readiness checks: SQLite, by default in memory, or PostgreSQL. It may contain a
            password, so it appears in no repr, answer or log.
        upstream_urls: Health URLs of the services that readiness checks. They are equally secret.
        ready_timeout_ms: How long a dependency may take to answer before it counts as down, milliseconds.
        ready_warn_ms: An answer that takes at least this long is a warning, milliseconds.
        ready_cache_ms: How long a dependency's answer is cached, milliseconds; 0 checks each time.
        ready_details: Whether readiness reports each dependency, or only the overall status.
    """

    health_variant: Variant = "sync"
    version: int | None = 1
    max_request_body_bytes: int = 64 * 1024
    worker_threads: int = 40
    database_url: str = field(default=_IN_MEMORY, repr=False)
    upstream_urls: tuple[str, ...] = field(default=(), repr=False)
    ready_timeout_ms: int = 2_000
    ready_warn_ms: int = 500
    ready_cache_ms: int = 0
    ready_details: bool = False

    @property
    def names_dependencies(self) -> bool:
        """Whether this deployment configured any dependency."""
        return bool(self.upstream_urls) or self.database_url != _IN_MEMORY

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the ``LAB_`` variables; those not set keep their default.

        Args:
            environment: Variables by name, such as ``os.environ``.
        Raises:
            SettingsError: A value is invalid, or a name is almost one of ours.
        """
        names = {PREFIX + field.name.upper(): field.name for field in fields(cls)}
        chosen: dict[str, Any] = {}
        for variable, text in environment.items():
            if variable in names:
                chosen[names[variable]] = _read(variable, text, _FORMS[names[variable]])
            elif variable.startswith(PREFIX):
                _refuse_near_miss(variable, text, names)
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
    """The format of one setting: how to parse it, and a description of what is allowed."""

    read: Callable[[str], Any]
    allowed: str
    is_secret: bool = False


def _read(variable: str, text: str, form: _Form) -> Any:
    try:
        return form.read(text.strip())
    except ValueError:
        raise SettingsError(f"{_said(variable, text, form)} is not allowed: it takes {form.allowed}.") from None


def _refuse_near_miss(variable: str, text: str, names: Mapping[str, str]) -> None:
    near = difflib.get_close_matches(variable, names, n=1, cutoff=_NEAR_MISS)
    if near:
        said = _said(variable, text, _FORMS[names[near[0]]])
        raise SettingsError(f"{said} is unknown: did you mean {near[0]}? Rename it, or unset it.")


def _said(variable: str, text: str, form: _Form) -> str:
    return variable if form.is_secret else f"{variable}={text!r}"


def _variant(text: str) -> Variant:
    if text == "sync":
        return "sync"
    if text == "async":
        return "async"
    raise ValueError(text)


def _version(text: str) -> int | None:
    return None if text == "null" else _whole(text)


def _whole(text: str) -> int:
    # int() also accepts underscores, signs and the digits of every script; a typing error must not pass.
    if not (text.isascii() and text.isdigit()):
        raise ValueError(text)
    return int(text)


def _positive(text: str) -> int:
    number = _whole(text)
    if number == 0:
        raise ValueError(text)
    return number


def _yes_or_no(text: str) -> bool:
    if text not in {"yes", "no"}:
        raise ValueError(text)
    return text == "yes"


def _milliseconds(text: str) -> int:
    number = _whole(text)
    if number > _DAY_MS:
        raise ValueError(text)
    return number


def _database_url(text: str) -> str:
    # A deployment does not choose the driver: both forms of a check must use the same.
    if (driver := _DRIVERS.get(urlsplit(text).scheme)) is None:
        raise ValueError(text)
    import sqlalchemy  # noqa: PLC0415 (not loaded without a database)

    try:
        url = sqlalchemy.make_url(text).set(drivername=driver)
        # Builds the connection arguments, to find an invalid part now and not at first use.
        url.get_dialect()().create_connect_args(url)
    except sqlalchemy.exc.ArgumentError as error:
        raise ValueError(text) from error
    if url.port is not None and not 1 <= url.port <= _MAXIMUM_PORT:
        raise ValueError(text)
    return text


def _upstream_urls(text: str) -> tuple[str, ...]:
    urls = tuple(text.split())
    for url in urls:
        parts = urlsplit(url)
        # Reading the port raises an error if it is not a number.
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
            raise ValueError(text)
        # Undecodable bytes in the environment become characters that cannot be sent.
        url.encode()
    return urls


_FORMS: Mapping[str, _Form] = {
    "health_variant": _Form(_variant, "sync or async"),
    "version": _Form(_version, "a whole number from 0, or null"),
    "max_request_body_bytes": _Form(_whole, "a whole number of bytes from 0"),
    "worker_threads": _Form(_positive, "a whole number of threads from 1"),
    "database_url": _Form(
        _database_url,
        "a URL that begins with sqlite:// or postgresql://, with a port from 1 to 65535 if any",
        is_secret=True,
    ),
    "upstream_urls": _Form(_upstream_urls, "http:// or https:// URLs with spaces between", is_secret=True),
    "ready_timeout_ms": _Form(
        lambda text: min(_positive(text), _milliseconds(text)), "a whole number of milliseconds from 1, a day at most"
    ),
    "ready_warn_ms": _Form(_milliseconds, "a whole number of milliseconds from 0, a day at most"),
    "ready_cache_ms": _Form(_milliseconds, "a whole number of milliseconds from 0, a day at most"),
    "ready_details": _Form(_yes_or_no, "yes or no"),
}
