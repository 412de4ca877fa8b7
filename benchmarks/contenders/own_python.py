"""An app's own Python: which one it is, and its description of the app, in the app's folder and with its packages."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.contenders.servers import SERVERS
from benchmarks.errors import InvalidValueError, did_you_mean
from benchmarks.foreign_json import read_object
from benchmarks.process import output_of

_MAKES_AN_APP = re.compile(
    r"\b(?:Flask|FastAPI|Starlette|Litestar|Quart|Sanic|BlackSheep|App|API|Application)\(|get_[aw]sgi_application"
    r"|def (?:create_app|make_app|get_app)\b"
)
_LOOK_TIMEOUT_S = 60.0
_VERSION_TIMEOUT_S = 10.0
_OLDEST_PYTHON = (3, 8)
_LAST_LINES = 12
_MOST_NAMES = 8
_NOT_THERE = 127
_PROGRAM = Path(__file__).with_name("look_at_app.py")
_PACKAGES: Mapping[str, str] = {
    "flask": "Flask",
    "django": "Django",
    "quart": "Quart",
    "werkzeug": "Werkzeug",
    **{
        name: name
        for name in (
            *("fastapi", "starlette", "litestar", "falcon", "aiohttp", "sanic", "blacksheep"),
            *("asgiref", "a2wsgi", "uvloop", "httptools"),
            *(package for server in SERVERS.values() for package in server.packages),
        )
        if name not in ("flask", "werkzeug")
    },
}
"""Distributions whose versions a run records, by the names that they are imported by."""


NO_BYTECODE: Mapping[str, str] = {"PYTHONDONTWRITEBYTECODE": "1"}
"""Variables of somebody's Python by default: compiled modules in their project would be the lab's doing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where an app lives.

    Attributes:
        folder: Its working folder.
        python: The interpreter that runs it.
        source: Where that was found, for a person.
        environment: Variables beside those of this process.
    """

    folder: Path
    python: str
    source: str
    environment: Mapping[str, str] = field(default_factory=dict)


def surroundings(folder: Path, python: str | None = None, environment: Mapping[str, str] | None = None) -> Surroundings:
    """Say where an app lives: with the interpreter that was given, or else the one found beside it.

    Args:
        folder: Its working folder.
        python: The interpreter, by its path or as it is called on ``PATH``.
        environment: Variables beside those of this process.
    Raises:
        InvalidValueError: There is no such interpreter.
    """
    found, source = _python(folder, python)
    return Surroundings(folder=folder, python=found, source=source, environment=environment or {})


def _python(folder: Path, python: str | None) -> tuple[str, str]:
    where = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
    if python is not None:
        # A link is not followed: an environment is known by the path of its link.
        beside = folder.absolute() / python
        given = beside if "/" in python or os.sep in python or beside.is_dir() else Path(python)
        if given.is_dir():
            given /= where
        if given.is_absolute() and not given.exists():
            raise InvalidValueError(f"There is no Python at {given}.", "--python")
        return str(given), "as told"
    active = os.environ.get("VIRTUAL_ENV", "")
    for environment in (*((Path(active),) if active else ()), *(folder / name for name in (".venv", "venv", "env"))):
        found = environment / where
        if found.exists() and environment.resolve() != Path(sys.prefix).resolve():
            return str(found), "the active environment" if str(environment) == active else "found beside the app"
    return sys.executable, "the lab's own, as there is no environment beside the app"


def candidates(where: Surroundings) -> list[str]:
    """Return what in a folder may be an app, as ``module:attribute``; the one that the folder names comes first.

    Only modules are imported whose text makes an app or has one of the usual names.
    """
    found = []
    with contextlib.suppress(InvalidValueError):
        found.append(default_app(where.folder)[0])
    for path in sorted(where.folder.iterdir()):
        source = path / "__init__.py" if path.is_dir() else path
        name = path.stem if path.suffix == ".py" else path.name
        if source.suffix != ".py" or not name.isidentifier() or not source.is_file():
            continue
        if _MAKES_AN_APP.search(source.read_text(encoding="utf-8", errors="replace")):
            with contextlib.suppress(InvalidValueError):
                found += [f"{name}:{attribute}" for attribute in _look_at(f"{name}:?", where).get("has", ())]
    return list(dict.fromkeys(found))[:_MOST_NAMES]


def routes(app: str, where: Surroundings) -> list[str]:
    """Return paths of an app that answer a GET and take nothing, where its framework tells.

    Raises:
        InvalidValueError: It cannot be looked at.
    """
    return [str(path) for path in look(app, where)["routes"]]


def default_app(folder: Path) -> tuple[str, str]:
    """Return the app of a folder that names one, and where it is named.

    Raises:
        InvalidValueError: Nothing names one.
    """
    if named := os.environ.get("FLASK_APP", ""):
        if ":" not in named:
            named = f"{named.removesuffix('.py')}:app"
        return named, "FLASK_APP"
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
        entrypoint = project["tool"]["fastapi"]["entrypoint"]
    except (OSError, KeyError, TypeError, ValueError):
        entrypoint = None
    if isinstance(entrypoint, str):
        return entrypoint, "[tool.fastapi] entrypoint in pyproject.toml"
    raise InvalidValueError(
        "Which app? Name one, such as shop:app; FLASK_APP and [tool.fastapi] entrypoint in pyproject.toml say nothing.",
        "TARGET",
    )


_looked: dict[tuple[object, ...], dict[str, Any]] = {}
"""What was seen: an app on five servers is imported once."""


def look(app: str, where: Surroundings) -> dict[str, Any]:
    """Have the app's own Python look at it, and see that it is one.

    Raises:
        InvalidValueError: It cannot, or it is none; the message ends with what the app said last.
    """
    key = (app, where.python, where.folder, *sorted(where.environment.items()))
    if key not in _looked:
        looked = _look_at(app, where)
        _check_looked(app, looked, where)
        _looked[key] = looked
    return _looked[key]


def packages(where: Surroundings) -> tuple[str, Mapping[str, str]]:
    """Return the version of a Python, and those of the frameworks, servers and bridges that it has, by import name.

    Raises:
        InvalidValueError: It cannot be asked.
    """
    found = _look_at("", where)
    return found["python"], found["versions"]


def build_of(where: Surroundings, needed: Sequence[str] = ()) -> str:
    """Return version and build of a Python.

    Args:
        where: It is.
        needed: Modules that it must be able to import.
    Raises:
        InvalidValueError: It cannot be asked, or lacks one.
    """
    for module in needed:
        try:
            # As its servers import them: not from the folder that this happens to run in.
            _told([where.python, "-P", "-c", f"import {module}"], _LOOK_TIMEOUT_S, where)
        except (subprocess.SubprocessError, OSError) as error:
            raise InvalidValueError(
                f"{where.python} has not what the lab's own apps need: it cannot import {module}. Make an environment "
                f"of that Python which has: make env PYTHON={where.python} VENV=.venv-other",
                "--pythons",
            ) from error
    return str(_look_at("", where)["build"])


def _look_at(app: str, where: Surroundings) -> dict[str, Any]:
    source = _PROGRAM.read_text(encoding="utf-8")
    command = [where.python, "-c", source, app, *("=".join(package) for package in _PACKAGES.items())]
    try:
        return read_object(_told(command, _LOOK_TIMEOUT_S, where))
    except subprocess.TimeoutExpired:
        raise InvalidValueError(
            f"{app} was not imported within {_LOOK_TIMEOUT_S:g} s. If its module starts a server, it should do so only "
            "below: if __name__ == '__main__'.",
            "TARGET",
        ) from None
    except subprocess.CalledProcessError as error:
        if error.returncode == _NOT_THERE:
            raise InvalidValueError(f"There is no Python at {where.python}.", "--python") from error
        _check_version(where)
        raise InvalidValueError(
            f"{app} ended its Python ({where.python}) with status {error.returncode} while it was imported.\n"
            f"{_tail(error.stderr)}",
            "TARGET",
        ) from error
    except OSError as error:
        raise InvalidValueError(f"{where.python} could not be started: {error}.", "--python") from error
    except ValueError as error:
        _check_version(where)
        raise InvalidValueError(f"{app} ended its Python ({where.python}) while it was imported.", "TARGET") from error


def _told(command: Sequence[str], timeout_s: float, where: Surroundings) -> str:
    environment = {**NO_BYTECODE, **os.environ, **expanded(where.environment)}
    return output_of(command, timeout_s, cwd=where.folder, environment=environment)


def _check_version(where: Surroundings) -> None:
    """Refuse what is no Python, or one that the program which looks at apps does not run on.

    Raises:
        InvalidValueError: The message says which version it is.
    """
    told = ""
    with contextlib.suppress(subprocess.SubprocessError, OSError):
        told = _told([where.python, "-c", "import sys; print(sys.version)"], _VERSION_TIMEOUT_S, where)
    version = re.match(r"(\d+)\.(\d+)\S*", told)
    oldest = ".".join(map(str, _OLDEST_PYTHON))
    if version is None:
        raise InvalidValueError(
            f"{where.python} is no Python, or cannot start: name another with --python.", "--python"
        )
    if (int(version[1]), int(version[2])) < _OLDEST_PYTHON:
        raise InvalidValueError(
            f"{where.python} ({where.source}) is Python {version[0]}, and the lab looks at apps of Python {oldest} or "
            "newer: name another with --python.",
            "--python",
        )


def _check_looked(app: str, looked: Mapping[str, Any], where: Surroundings) -> None:
    """Refuse what is no app.

    Raises:
        InvalidValueError: It is not there, raised, or is something else.
    """
    module, _, attribute = app.partition(":")
    if looked.get("missing"):
        names = sorted(
            path.stem if path.suffix else path.name
            for path in where.folder.iterdir()
            if path.suffix == ".py" or (path / "__init__.py").exists()
        )
        raise InvalidValueError(
            f"There is no module {looked['missing']} in {where.folder}, nor in {where.python} ({where.source})."
            f"{_nearest(module, names)} Run lab in the app's folder, or name that with --folder.",
            "TARGET",
        )
    if "error" in looked:
        raise InvalidValueError(
            f"{app} raised while it was imported by {where.python} ({where.source}):\n{_tail(looked['error'])}",
            "TARGET",
        )
    if "has" in looked:
        raise InvalidValueError(f"{module} has no {attribute}.{_nearest(attribute, looked['has'])}", "TARGET")
    if looked["interface"] is None:
        raise InvalidValueError(f"{app} is no app of WSGI or ASGI, nor a function that makes one.", "TARGET")


def _nearest(word: str, names: Sequence[str]) -> str:
    there_are = f" There are: {', '.join(names[:_MOST_NAMES])}." if names else ""
    return did_you_mean(word, names) or there_are


def expanded(environment: Mapping[str, str]) -> dict[str, str]:
    """Return variables with what ``${NAME}`` in their values stands for.

    Raises:
        InvalidValueError: A name that is not set.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise InvalidValueError(f"The variable {match[1]} is not set, and ${{{match[1]}}} stands for it.")
        return os.environ[match[1]]

    return {name: re.sub(r"\$\{(\w+)\}", value, text) for name, text in environment.items()}


def _tail(text: str) -> str:
    return "\n".join(f"  | {line}" for line in text.rstrip().splitlines()[-_LAST_LINES:])
