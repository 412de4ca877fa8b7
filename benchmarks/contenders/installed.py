"""What this Python lacks of what contenders of the catalogue need, and how to install it."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence

from benchmarks.contenders import catalogue
from benchmarks.contenders.servers import BRIDGES, SERVERS
from benchmarks.errors import InvalidValueError, installing
from benchmarks.model import Contender

EXTRA = "frameworks"
"""Of ``pyproject.toml``: everything that a contender of the catalogue needs beside the lab."""


def lacking(contender: Contender) -> tuple[str, ...]:
    """Return which packages this Python lacks of those that a contender of the catalogue needs, as pip names them."""
    app = catalogue.app_of(contender)
    if app is None:
        return ()
    server = SERVERS[contender.server]
    bridge = (BRIDGES[app.bridge],) if app.bridge != "none" else ()
    versions = {package: version for package in server.packages if (version := version_here(package)) is not None}
    beside = [package for package in (*app.framework.needs, *bridge) if version_here(package) is None]
    return tuple(dict.fromkeys((*beside, *server.lacks(app.interface, versions))))


def select(patterns: Sequence[str], *, are_named: bool = True) -> tuple[tuple[Contender, ...], str]:
    """Return the contenders that match and can run here, in the catalogue's order, and which others a pattern means.

    Args:
        patterns: See ``catalogue.select``.
        are_named: Whether a person wrote each pattern, and needs an error where nothing of it can run.
    Returns:
        The contenders, and a sentence about those that are left out; empty if none is.
    Raises:
        InvalidValueError: A pattern matches nothing, or nothing that can run here.
    """
    chosen = {contender.id: contender for contender in catalogue.select(patterns)}
    absent = {name: packages for name, each in chosen.items() if (packages := lacking(each))}
    for pattern in patterns:
        meant = [contender.id for contender in catalogue.select([pattern])]
        if are_named and all(name in absent for name in meant):
            raise InvalidValueError(f"{_told(meant, absent)}. {how_to_install()}", "CONTENDER")
    left_out = f"Left out: {_told(absent, absent)}. `lab contenders` says how to install it." if absent else ""
    return tuple(each for name, each in chosen.items() if name not in absent), left_out


def how_to_install() -> str:
    """Return the sentence that says how to install all that contenders of the catalogue need."""
    return f"`make env-{EXTRA}` in a clone installs all that the catalogue needs; elsewhere:\n{installing(EXTRA)}"


@functools.cache
def version_here(package: str) -> str | None:
    """Return the version of a package, by its name for pip, that this Python has; ``None`` if it has none."""
    from importlib import metadata  # noqa: PLC0415 (takes long, and few need it)

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _told(names: Iterable[str], absent: Mapping[str, Sequence[str]]) -> str:
    packages = dict.fromkeys(package for name in names for package in absent[name])
    return f"{', '.join(names)}: {' and '.join(packages)} not installed here"
