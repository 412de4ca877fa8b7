"""Checks, before anything is timed, that every contender gives the same answer, and fetches the OpenAPI documents."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.contenders import catalogue
from benchmarks.errors import LabError
from benchmarks.foreign_json import read_json, read_object
from benchmarks.measure.dependencies import NONE, Dependencies
from benchmarks.measure.likeness import Facts, observing
from benchmarks.measure.server import Answer, RunningServer, ServerError, put_back, running
from benchmarks.measure.workloads import Offer, mixed, offer_of
from benchmarks.model import ALIKE, Contender, DocumentPair, Plan, Steadiness, Workload

DOCUMENT_PATHS = ("/openapi-before.json", "/openapi-after.json")
"""Where every framework's app publishes its document without and with the response model."""

Look = Callable[[RunningServer, Contender, Workload], Mapping[str, str]]
"""Looks at how a contender behaves when it is asked a workload; returns what it fails, each with what was seen."""

_STARTS_AT_ONCE = 2
_ASKED_BEFORE = 3
_MOST_LINES = 8
_STEADINESS: Final[Sequence[Steadiness]] = ("bytes", "length", "shape", "nothing")
_WORD: Final = re.compile(rb"[\w-]+")
_DIGITS: Final = re.compile(rb"\d+")
_LOGIN: Final = ": it wants credentials. Send them, for example with --header 'Authorization: Bearer ...'"
_CURES: Final[Mapping[int, str]] = {
    400: ": it refuses the request as it is. A site that answers to its own name alone needs --header 'Host: NAME'",
    401: _LOGIN,
    403: _LOGIN,
    404: ": it has nothing there. Ask for another path (--path)",
    405: ": ask with another method (--method)",
}
_FAILED: Final = ": the app failed. Its log may say why"
_KINDS: Final[Mapping[type, str]] = {str: "a string", bool: "true or false", type(None): "null"}


def check_answer(server: RunningServer, contender: Contender, workload: Workload) -> bytes:
    """Send one request and compare the answer with what all contenders must give.

    Args:
        server: Runs the contender's app.
        contender: Whose path to request.
        workload: What to request.
    Returns:
        The body.
    Raises:
        ServerError: There is no answer, or one with another status, content type or JSON.
    """
    path = workload.path_for(contender)
    answer = server.ask(workload, twin=contender)
    if workload.answer == ALIKE:
        if refusal := _refusal(answer, workload, path):
            raise ServerError(server.explain(refusal))
        return answer.body
    if difference := _difference(answer, offer_of(workload)):
        raise ServerError(
            server.explain(
                f"answered GET {path} with {difference}.\n"
                "  Contenders are compared only when all give the same answer: fix the app, or leave this one out"
            )
        )
    return answer.body


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What is known of contenders before anything is timed.

    Attributes:
        documents: OpenAPI documents by framework, where it publishes them.
        likeness: By contender's id, what was observed of it.
        failing: By contender's id, the probes that it fails, each with what was seen.
    """

    documents: Mapping[str, DocumentPair]
    likeness: Mapping[str, Facts]
    failing: Mapping[str, Mapping[str, str]]


def check_all(plan: Plan, dependencies: Dependencies = NONE, look: Look | None = None) -> Checked:
    """Start each app, check every twin's answer under every workload, and fetch the OpenAPI documents.

    Apps start side by side: nothing is timed yet.

    Args:
        plan: Of the run.
        dependencies: What they depend on. An app with other workloads than readiness is started once with them and once
            without, as in its trials.
        look: Looks at the behaviour of each, where that is wanted.
    Raises:
        ServerError: Of the first contender, in the plan's order, that does not start, or does not give that answer.
    """
    apps = [
        (twins, workloads) for twins in catalogue.by_command(plan.contenders) for workloads in _by_answer(plan, twins)
    ]
    with ThreadPoolExecutor(_STARTS_AT_ONCE) as pool:
        found = list(pool.map(lambda app: _check_app(app[0], app[1], plan, dependencies, look), apps))
    documents: dict[str, DocumentPair] = {}
    likeness: dict[str, Facts] = {}
    failing: dict[str, dict[str, str]] = {}
    for framework, pair, facts, failures in found:
        if pair is not None:
            documents.setdefault(framework, pair)
        likeness = {**facts, **likeness}
        for contender, each in failures.items():
            failing.setdefault(contender, {}).update(each)
    return Checked(documents=documents, likeness=likeness, failing=failing)


def agreed(
    contenders: Sequence[Contender], requests: Sequence[Workload], *, may_differ: bool = False
) -> tuple[Workload, ...]:
    """Start each contender, ask each request a few times, and hold the answers against the first contender's.

    Status, content type and the shape of JSON must be alike. Nothing else of the body is compared between contenders,
    because it may contain a clock, an id or a token. But what stays the same from one answer of a contender to the
    next must do so under load too.

    Args:
        contenders: The others are compared with the first.
        requests: What to ask of each.
        may_differ: Whether answers that differ are only noted.
    Returns:
        The requests, with what their answers' bodies hold, and how they differ.
    Raises:
        LabError: Answers differ, and may not; the message shows how.
        ServerError: A contender does not start, or answers with a status that is not valid.
    """
    asked = [each for request in requests for each in request.mix or (request,)]
    with ThreadPoolExecutor(_STARTS_AT_ONCE) as pool:
        answers = list(pool.map(lambda contender: _answers(contender, asked), contenders))
    found = []
    for number, request in enumerate(asked):
        first = answers[0][number][0]
        differences = tuple(
            f"{contender.id}: {line}"
            for contender, theirs in zip(contenders[1:], answers[1:], strict=True)
            for line in _unlike(first, theirs[number][0])
        )
        if differences and not may_differ:
            told = "\n".join(f"  {line}" for line in differences)
            raise LabError(
                f"{request.name} is not answered alike; {contenders[0].id} answers otherwise than\n{told}\n"
                "Different work takes a different time. Fix the apps, or compare them anyway with "
                "--allow-different; the report then says so."
            )
        steadiest = max((_steadiness(theirs[number]) for theirs in answers), key=_STEADINESS.index)
        holds = max(steadiest, request.holds, key=_STEADINESS.index)
        alone_ms = {
            contender.id: round(min(answer.took_ms for answer in theirs[number]), 3)
            for contender, theirs in zip(contenders, answers, strict=True)
        }
        found.append(dataclasses.replace(request, holds=holds, differences=differences, alone_ms=alone_ms))
    parts = iter(found)
    return tuple(
        mixed(request.name, [next(parts) for _ in request.mix]) if request.mix else next(parts) for request in requests
    )


def _answers(contender: Contender, requests: Sequence[Workload]) -> list[list[Answer]]:
    if requests[0].before_trial:
        put_back(requests[0].before_trial, contender)
    with running(contender, requests[0].path_for(contender)) as server:
        answers = [[server.ask(request) for _ in range(_ASKED_BEFORE)] for request in requests]
        for request, theirs in zip(requests, answers, strict=True):
            for answer in theirs:
                if refusal := _refusal(answer, request, request.path_for(contender)):
                    raise ServerError(server.explain(refusal))
        return answers


def _refusal(answer: Answer, workload: Workload, path: str) -> str | None:
    """Say why an answer is not valid, and what to do; ``None`` when it is."""
    status = answer.status
    if status in workload.statuses if workload.statuses else 200 <= status < 300:
        return None
    asked = f"answered {workload.method} {path} with status {status}"
    if 300 <= status < 400 and answer.location:
        return f"{asked}: it redirects to {answer.location}. Ask for that (--path)"
    expected = " or ".join(map(str, workload.statuses)) or "2xx"
    other = _FAILED if status >= 500 else f", and {expected} was expected (--status says which are valid)"
    return f"{asked}{_CURES.get(status, other)}"


def _steadiness(answers: Sequence[Answer]) -> Steadiness:
    bodies = [answer.body for answer in answers]
    if len(set(bodies)) == 1:
        return "bytes"
    if len({len(body) for body in bodies}) == 1 and not _counts(bodies):
        return "length"
    shapes = [_shape(answer) for answer in answers]
    return "shape" if shapes[0] and all(shape == shapes[0] for shape in shapes) else "nothing"


def _counts(bodies: Sequence[bytes]) -> bool:
    """Tell whether bodies differ in a number, such as an id that counts up and will have another digit."""
    return any(
        len(set(words)) > 1 and len({_DIGITS.sub(b"0", word) for word in words}) == 1
        for words in zip(*map(_WORD.findall, bodies), strict=False)
    )


def _unlike(first: Answer, other: Answer) -> list[str]:
    """Return how an answer differs from the first contender's, a line each."""
    lines = []
    if first.status != other.status:
        lines.append(f"status {other.status} instead of {first.status}")
    if first.content_type != other.content_type:
        lines.append(f"content type {other.content_type} instead of {first.content_type}")
    theirs, expected = _shape(other), _shape(first)
    for path in sorted({*theirs, *expected}):
        if theirs.get(path) != expected.get(path):
            is_there, ought = theirs.get(path, "nothing"), expected.get(path, "nothing")
            lines.append(f"{path or 'the body'} is {is_there} instead of {ought}")
    more = len(lines) - _MOST_LINES
    return [*lines[:_MOST_LINES], f"and {more} more"] if more > 0 else lines


def _shape(answer: Answer) -> dict[str, str]:
    """Return the kinds of an answer's JSON values by dotted path; empty where it is no JSON."""
    kinds: dict[str, str] = {}

    def look(value: object, path: str) -> None:
        if isinstance(value, dict):
            kinds[path] = "an object"
            for name, each in value.items():
                look(each, f"{path}.{name}" if path else str(name))
        elif isinstance(value, list):
            kinds[path] = "a list"
            for each in value:
                look(each, f"{path}[]")
        else:
            kinds[path] = _KINDS.get(type(value), "a number")

    with contextlib.suppress(ValueError):
        look(read_json(answer.body), "")
    return kinds


def _by_answer(plan: Plan, twins: Sequence[Contender]) -> list[list[Workload]]:
    """Return the workloads that any of the twins is asked, grouped by their answer."""
    groups: dict[str, list[Workload]] = {}
    for workload in plan.workloads:
        if any(contender.id in plan.workload_contenders[workload.name] for contender in twins):
            groups.setdefault(workload.answer, []).append(workload)
    return list(groups.values())


def _check_app(
    twins: Sequence[Contender],
    workloads: Sequence[Workload],
    plan: Plan,
    dependencies: Dependencies,
    look: Look | None,
) -> tuple[str, DocumentPair | None, Mapping[str, Facts], Mapping[str, Mapping[str, str]]]:
    failing: dict[str, dict[str, str]] = {}
    first, settings = twins[0], dependencies.settings_for(workloads[0])
    if workloads[0].before_trial:
        put_back(workloads[0].before_trial, first)
    with observing() as observer, contextlib.ExitStack() as stack:
        path = workloads[0].path_for(first)
        try:
            observed = {**settings, **observer.settings(first)}
            server = stack.enter_context(running(first, path, settings=observed))
        except ServerError:
            # One that does not run with an observer in it is compared nevertheless.
            server = stack.enter_context(running(first, path, settings=settings))
        for contender in twins:
            for workload in workloads:
                if contender.id in plan.workload_contenders[workload.name]:
                    check_answer(server, contender, workload)
                    if look is not None:
                        failing.setdefault(contender.id, {}).update(look(server, contender, workload))
        paths = DOCUMENT_PATHS if first.variant is not None and first.is_own else ()
        documents = [document for path in paths if (document := _json(server.get(path))) is not None]
        facts = {twin.id: observer.facts(server, twin, workloads[0]) for twin in twins}
    before, after = documents if len(documents) == len(DOCUMENT_PATHS) else (None, None)
    pair = None if before is None or after is None else DocumentPair(before=before, after=after)
    return first.framework, pair, facts, failing


def _json(answer: Answer) -> Mapping[str, Any] | None:
    if answer.status != 200:
        return None
    try:
        return read_object(answer.body)
    except ValueError:
        return None


def _difference(answer: Answer, expected: Offer) -> str | None:
    if answer.status != 200:
        return f"status {answer.status} instead of 200"
    if answer.content_type != expected.content_type:
        return f"content type {answer.content_type} instead of {expected.content_type}"
    if _json(answer) != expected.body:
        return f"{answer.body[:200]!r} instead of {json.dumps(dict(expected.body))}"
    return None
