"""Reads ``lab.toml``, or ``[tool.lab]`` of ``pyproject.toml``: a project's contenders and requests, by name."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from benchmarks.errors import InvalidValueError, did_you_mean
from benchmarks.foreign_json import ForeignJSONError, decode
from benchmarks.subjects import Steadiness

NAME = "lab.toml"
_PROJECT = "pyproject.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContenderEntry:
    """A contender of a project; one of ``app``, ``command`` and ``url`` says what it is.

    Attributes:
        app: ``module:attribute``.
        command: What starts it, with ``{port}`` to fill in.
        url: Where it runs already.
        server: On which the app is served; by default the usual one.
        bridge: By which a WSGI app runs on a server of ASGI.
        python: The app's interpreter or environment, relative to the file; by default the one beside the app.
        folder: Where it is imported and run, relative to the file.
        environment: Its variables; ``${NAME}`` stands for one of the lab's.
        workers: Worker processes of its server.
        threads: Threads of each worker.
        path: What it is asked for, where that is not the request's path.
        sync: Path of a ``def`` view, where the app has twins.
        async_: Path of its ``async def`` twin.
    """

    app: str = ""
    command: str = ""
    url: str = ""
    server: str = ""
    bridge: str = ""
    python: str | None = None
    folder: str = "."
    environment: Mapping[str, str] = field(default_factory=dict)
    workers: int | None = None
    threads: int | None = None
    path: str = ""
    sync: str = ""
    # `async` is a word of Python's: the file's key becomes this one.
    async_: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestEntry:
    """A request of a project, and how hard it is asked.

    Attributes:
        path: Path and query.
        method: Of the request.
        headers: Of the request; ``${NAME}`` stands for a variable of the lab's.
        body: Text of the request's body, or ``@`` and a file relative to this one.
        statuses: Of a valid answer; 200 to 299 by default.
        hold: What of an answer must stay the same, at most.
        users: Virtual users.
        rate_per_s: Asked for at this rate, in the open model.
        wait_ms: For how long the view waits for others, milliseconds.
        weight: How often it is asked, in proportion to the others of a mix.
    """

    path: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    statuses: tuple[int, ...] = ()
    hold: Steadiness = "bytes"
    users: int | None = None
    rate_per_s: float | None = None
    wait_ms: float = 0.0
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LabFile:
    """What a project compares; the command line comes before it.

    Attributes:
        contenders: By name; compared in this order unless the command line names some.
        requests: By name; each is a workload.
        requests_file: An ``.http`` file of more of them, relative to this one.
        mix: Whether requests are mixed by their weights, as one workload.
        against: Name of the contender that every other is compared with; the first by default.
        preset: Size of run.
        budget: Time for a run, such as ``5m``.
        margin: Within which contenders are equal, such as ``3%``; 5 % by default.
        before_trial: Command that puts the state back before each trial.
        allow_different: Whether contenders are compared although their answers differ.
        folder: Where the file is; not part of it.
    """

    contenders: Mapping[str, ContenderEntry] = field(default_factory=dict)
    requests: Mapping[str, RequestEntry] = field(default_factory=dict)
    requests_file: str = ""
    mix: bool = False
    against: str = ""
    preset: str = ""
    budget: str = ""
    margin: str = ""
    before_trial: str = ""
    allow_different: bool = False
    folder: Path = Path()


def find(folder: Path) -> LabFile | None:
    """Return what the nearest file says, looking upward from a folder; ``None`` where there is none.

    Raises:
        InvalidValueError: It cannot be read; the message names the line, and the nearest key for an unknown one.
    """
    for place in (folder, *folder.parents):
        if (place / NAME).is_file():
            return read(place / NAME)
        if (place / _PROJECT).is_file() and (found := read(place / _PROJECT)) is not None:
            return found
    return None


def read(path: Path) -> LabFile | None:
    """Return what a file says; ``None`` for a ``pyproject.toml`` without ``[tool.lab]``.

    Raises:
        InvalidValueError: See ``find``.
    """
    try:
        text = path.read_text(encoding="utf-8")
        told = tomllib.loads(text)
    except (OSError, ValueError) as error:
        # A broken pyproject.toml is for other tools to report.
        if path.name == _PROJECT:
            return None
        raise InvalidValueError(f"{path} cannot be read: {error}.", NAME) from error
    if path.name == _PROJECT:
        told = told.get("tool", {}).get("lab")
        if told is None:
            return None
    _check_keys(told, LabFile, path, text, "")
    for kind, entry, of in (("contenders", ContenderEntry, ""), ("requests", RequestEntry, "")):
        group = told.get(kind, {})
        if isinstance(group, dict):
            for name, values in group.items():
                _check_keys(values, entry, path, text, f"{kind}.{name}{of}")
                if isinstance(values, dict) and "async" in values:
                    values["async_"] = values.pop("async")
    try:
        return decode(LabFile, {**told, "folder": str(path.parent)})
    except ForeignJSONError as error:
        key = str(error).partition(":")[0].rpartition(".")[2]
        raise InvalidValueError(f"{path}{_line(text, key)}: {error}.", NAME) from error


def _check_keys(values: object, kind: type[Any], path: Path, text: str, where: str) -> None:
    """Refuse an unknown key, which is a mistyped one.

    Raises:
        InvalidValueError: With its line, and the nearest.
    """
    known = [each.name.rstrip("_") for each in fields(kind) if each.name != "folder" or kind is ContenderEntry]
    for key in values if isinstance(values, dict) else ():
        if key not in known:
            suggestion = did_you_mean(key, known) or f" There are: {', '.join(known)}."
            place = f" in [{where}]" if where else ""
            raise InvalidValueError(f"{path}{_line(text, key)}: there is no key {key!r}{place}.{suggestion}", NAME)


def _line(text: str, key: str) -> str:
    """Return the line on which a key stands first, for a message; empty where it does not."""
    if match := re.search(rf"^[^#\n]*\b{re.escape(key)}\b", text, re.MULTILINE):
        return f", line {text.count(chr(10), 0, match.start()) + 1}"
    return ""
