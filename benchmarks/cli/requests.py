"""The requests that a command line asks for: of its options, of an ``.http`` file, or of the project's file."""

from __future__ import annotations

import base64
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contenders import http_file, lab_file
from benchmarks.contenders.lab_file import LabFile, RequestEntry
from benchmarks.errors import InvalidValueError, did_you_mean
from benchmarks.measure.workloads import mixed
from benchmarks.model import ALIKE, Workload

if TYPE_CHECKING:
    # It gives a command the options that are read here.
    from benchmarks.cli.subjects import Asked

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def asked_for(asked: Asked, told: LabFile) -> Iterator[Workload]:
    """Yield the request of the command line, or those of its file, or the project's; ``GET /`` where none says any.

    Raises:
        InvalidValueError: A file or an option says what cannot be sent; the message says which.
    """
    if asked.path is not None and asked.request_file is not None:
        raise InvalidValueError("A file of requests has their paths: leave out --path, or --request.", "--request")
    if asked.path is not None or asked.body is not None or asked.headers or asked.statuses or asked.method != "GET":
        one = RequestEntry(
            path=asked.path or "/",
            method=asked.method,
            headers=dict(map(_header, asked.headers)),
            body=asked.body,
            statuses=asked.statuses,
            hold=asked.hold,
        )
        entries, folder = {f"{one.method} {one.path}": one}, asked.folder
    elif asked.request_file is not None:
        entries, folder = dict(http_file.read(asked.request_file)), asked.folder
    else:
        entries, folder = dict(told.requests), told.folder
        if told.requests_file:
            entries |= http_file.read(told.folder / told.requests_file)
    requests = [
        dataclasses.replace(_workload(name, entry, folder), before_trial=told.before_trial)
        for name, entry in (entries or {"GET /": RequestEntry(path="/")}).items()
    ]
    if not (asked.mix or told.mix) or len(requests) == 1:
        yield from requests
    else:
        yield mixed("mix", requests)


def _workload(name: str, entry: RequestEntry, folder: Path) -> Workload:
    if not entry.path.startswith("/"):
        raise InvalidValueError(f"{entry.path!r} does not begin with a slash.", "--path")
    if entry.weight <= 0:
        raise InvalidValueError(f"{name}: a weight is above 0, not {entry.weight:g}.", lab_file.NAME)
    if entry.method not in METHODS:
        raise InvalidValueError(
            f"{name}: the method {entry.method!r} is not sent.{did_you_mean(entry.method, METHODS)} "
            f"There are: {', '.join(METHODS)}.",
            "--method",
        )
    return Workload(
        name=name,
        path=entry.path,
        wait_ms=entry.wait_ms,
        answer=ALIKE,
        method=entry.method,
        headers=entry.headers,
        body_base64=base64.b64encode(_body(entry.body, folder)).decode("ascii"),
        statuses=entry.statuses,
        holds=entry.hold,
        users=entry.users,
        rate_per_s=entry.rate_per_s,
        weight=entry.weight,
    )


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name.strip()) or re.search(r"[\r\n\0]", value):
        raise InvalidValueError(f"{line!r} is no header: write 'NAME: VALUE'.", "--header")
    return name.strip(), value.strip()


def _body(text: str | None, folder: Path) -> bytes:
    if text is None:
        return b""
    if not text.startswith("@"):
        return text.encode()
    try:
        return (folder / text[1:]).read_bytes()
    except OSError as error:
        raise InvalidValueError(f"{text[1:]} cannot be read: {error.strerror}.", "--body") from error
