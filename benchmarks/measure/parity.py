"""Checks, before anything is timed, that every contender gives the same answer, and fetches the OpenAPI documents."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.contenders import catalogue
from benchmarks.foreign_json import read_object
from benchmarks.measure.dependencies import NONE, Dependencies
from benchmarks.measure.server import Answer, RunningServer, ServerError, running
from benchmarks.measure.workloads import Offer, offer_of
from benchmarks.model import Contender, DocumentPair, Plan, Workload

DOCUMENT_PATHS = ("/openapi-before.json", "/openapi-after.json")
"""Where every framework's app publishes its document without and with the response model."""

_STARTS_AT_ONCE = 2


def check_answer(server: RunningServer, contender: Contender, workload: Workload) -> bytes:
    """Ask once and hold the answer against the contract of all contenders.

    Args:
        server: Runs the contender's app.
        contender: Whose path to ask.
        workload: What to ask for.
    Returns:
        The body.
    Raises:
        ServerError: Another status, content type or JSON than all must give.
        ServerError: No answer.
    """
    path = workload.path_for(contender)
    answer = server.get(path)
    if difference := _difference(answer, offer_of(workload)):
        raise ServerError(
            server.explain(
                f"answered GET {path} with {difference}.\n"
                "  Contenders are compared only when all give the same answer: mend the app, or leave this one out"
            )
        )
    return answer.body


def check_all(plan: Plan, cpus: Sequence[int] = (), dependencies: Dependencies = NONE) -> dict[str, DocumentPair]:
    """Start each app, check every twin's answer under every workload, and fetch the OpenAPI documents.

    Apps start side by side, as nothing is timed yet.

    Args:
        plan: What is going to run.
        cpus: Cores that the servers may use.
        dependencies: What they depend on. An app that is asked for more than readiness is started once with them and
            once without, as in its trials.
    Returns:
        The documents by framework, of those that publish them.
    Raises:
        ServerError: The first contender, in the plan's order, that answers otherwise.
        ServerError: The first that does not start or answer.
    """
    apps = [
        (twins, workloads) for twins in catalogue.by_command(plan.contenders) for workloads in _by_answer(plan, twins)
    ]
    with ThreadPoolExecutor(_STARTS_AT_ONCE) as pool:
        found = list(pool.map(lambda app: _check_app(app[0], app[1], plan, cpus, dependencies), apps))
    documents: dict[str, DocumentPair] = {}
    for framework, pair in found:
        if pair is not None:
            documents.setdefault(framework, pair)
    return documents


def _by_answer(plan: Plan, twins: Sequence[Contender]) -> list[list[Workload]]:
    """Return the workloads in which any of the twins takes part, those of one answer together."""
    groups: dict[str, list[Workload]] = {}
    for workload in plan.workloads:
        if any(contender.id in plan.workload_contenders[workload.name] for contender in twins):
            groups.setdefault(workload.answer, []).append(workload)
    return list(groups.values())


def _check_app(
    twins: Sequence[Contender],
    workloads: Sequence[Workload],
    plan: Plan,
    cpus: Sequence[int],
    dependencies: Dependencies,
) -> tuple[str, DocumentPair | None]:
    first, settings = twins[0], dependencies.settings_for(workloads[0])
    with running(first, workloads[0].path_for(first), cpus, settings=settings) as server:
        for contender in twins:
            for workload in workloads:
                if contender.id in plan.workload_contenders[workload.name]:
                    check_answer(server, contender, workload)
        pair = None if first.variant is None else _documents(server)
    return first.framework, pair


def _documents(server: RunningServer) -> DocumentPair | None:
    before, after = (_json(server.get(path)) for path in DOCUMENT_PATHS)
    return None if before is None or after is None else DocumentPair(before=before, after=after)


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
