"""Reads the requests of an ``.http`` file, as the HTTP clients of editors write them; requests are parted by ``###``.

``@name = value`` sets a variable and ``{{name}}`` stands for it; values that change by themselves, such as
``{{$uuid}}``, are left for the load engine. ``< FILE`` stands for a body that is in another file, and ``# @weight 3``
says how often a request is asked in a mix.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.contenders.lab_file import RequestEntry
from benchmarks.errors import InvalidValueError

_VARIABLE = re.compile(r"\{\{\s*([\w.-]+)\s*\}\}")
_SETTING = re.compile(r"@([\w.-]+)\s*=\s*(.*)")
_NAMED = re.compile(r"(?:#|//)\s*@name\s+(.+)")
_WEIGHT = re.compile(r"(?:#|//)\s*@weight\s+(\d+(?:\.\d+)?)")
_REQUEST_LINE = re.compile(r"(?:([A-Z]+)\s+)?(\S+)(?:\s+HTTP/[\d.]+)?")


def read(path: Path) -> dict[str, RequestEntry]:
    """Return the requests by name: the one given behind ``###`` or ``# @name``, or else method and path.

    Raises:
        InvalidValueError: It cannot be read, or something in it cannot; the message names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise InvalidValueError(f"{path} cannot be read: {error}.", "--request") from error
    variables = {match[1]: match[2].strip() for line in lines if (match := _SETTING.fullmatch(line.strip()))}
    found: dict[str, RequestEntry] = {}
    for name, part in _parts(lines):
        entry = _entry([(number, _filled(path, number, line, variables)) for number, line in part], path)
        if entry is not None:
            found[_free(name or f"{entry.method} {entry.path}", found)] = entry
    if not found:
        raise InvalidValueError(f"{path} has no request. One is a line such as GET /items.", "--request")
    return found


def _parts(lines: list[str]) -> Iterator[tuple[str, list[tuple[int, str]]]]:
    """Yield the name and the numbered lines of each part between ``###``."""
    name, part = "", list[tuple[int, str]]()
    for number, line in enumerate(lines, 1):
        if line.startswith("###"):
            yield name, part
            name, part = line[3:].strip(), []
        elif named := _NAMED.fullmatch(line.strip()):
            name = named[1].strip()
        else:
            part.append((number, line))
    yield name, part


def _filled(path: Path, number: int, line: str, variables: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in variables:
            raise InvalidValueError(
                f"{path}, line {number}: {match[1]} is not set. Write @{match[1]} = VALUE above it.", "--request"
            )
        return variables[match[1]]

    return _VARIABLE.sub(value, _VARIABLE.sub(value, line))


def _entry(part: list[tuple[int, str]], path: Path) -> RequestEntry | None:
    """Return the request of a part; ``None`` where it has comments and variables only."""
    rest = list(part)
    weights = [float(match[1]) for _, line in part if (match := _WEIGHT.fullmatch(line.strip()))]
    while rest and (not rest[0][1].strip() or _is_aside(rest[0][1])):
        del rest[0]
    if not rest:
        return None
    number, line = rest.pop(0)
    match = _REQUEST_LINE.fullmatch(line.strip())
    if match is None:
        raise InvalidValueError(
            f"{path}, line {number}: {line.strip()!r} is no request: write GET /items.", "--request"
        )
    # What it is asked of is the contender.
    url = urlsplit(match[2])
    target = f"{url.path or '/'}{f'?{url.query}' if url.query else ''}" if url.scheme else match[2]
    headers: dict[str, str] = {}
    while rest and rest[0][1].strip():
        number, line = rest.pop(0)
        if _is_aside(line):
            continue
        if line.lstrip().startswith(("?", "&")):
            target += line.strip()
            continue
        name, colon, value = line.partition(":")
        if not colon:
            raise InvalidValueError(f"{path}, line {number}: {line!r} is no header: write NAME: VALUE.", "--request")
        headers[name.strip()] = value.strip()
    body = "\n".join(line for _, line in rest).strip()
    if body.startswith("< "):
        body = f"@{path.parent / body[2:].strip()}"
    weight = weights[0] if weights else 1.0
    return RequestEntry(path=target, method=match[1] or "GET", headers=headers, body=body or None, weight=weight)


def _is_aside(line: str) -> bool:
    """Say whether a line is a comment or sets a variable."""
    return line.lstrip().startswith(("#", "//")) or _SETTING.fullmatch(line.strip()) is not None


def _free(name: str, taken: dict[str, RequestEntry]) -> str:
    """Return a name that no other request has."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name} #{number}"
    return free
