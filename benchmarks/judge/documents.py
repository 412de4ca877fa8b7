"""Judges whether documentation comes from the response model, by two OpenAPI documents of the same service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.judge.claims import Claim, ClaimTest
from benchmarks.judge.evidence import Evidence, RefusedError, verdict_on
from benchmarks.judge.judgement import Estimate, Figure, Verdict
from benchmarks.model import HEALTH_BODY

PATHS = ("/health/sync", "/health/async")
"""The health twins, whose documentation is compared with their answers."""

ANSWER = frozenset(HEALTH_BODY)
"""The properties of their answer."""


def find(evidence: Evidence, claim: Claim, test: ClaimTest) -> Verdict:
    """Count the answer's properties that each document describes, for the worse documented twin.

    Raises:
        RefusedError: The run has no documents of the framework, or not of these operations.
    """
    pair = evidence.run.documents.get(test.framework)
    if pair is None:
        raise RefusedError(
            f"The run holds no OpenAPI documents of {test.framework}: add one of its contenders with --contender."
        )
    without, complete = _least_described(pair.before), _least_described(pair.after)
    if without is None or complete is None:
        raise RefusedError(
            f"The OpenAPI documents of {test.framework} lack GET {' or GET '.join(PATHS)}, so there is nothing to "
            "compare: mend the app and run again."
        )
    holds = without < len(ANSWER) == complete
    return verdict_on(
        claim,
        test,
        "replicated" if holds else "contradicted",
        figures=(_figure("with", complete), _figure("without", without)),
        sentence=(
            f"Of the {len(ANSWER)} properties of the answer the OpenAPI document describes {without} without a "
            f"response model and {complete} with it."
        ),
        why=_why(without, complete),
    )


def _why(without: int, complete: int) -> str:
    if complete < len(ANSWER):
        return "The response model does not reach the document: the schema of the answer lacks what the answer has."
    if without == len(ANSWER):
        return "The document describes the whole answer before any response model is declared."
    return (
        "The document is generated from what the code declares: the schema of the answer is the response model, and "
        "nothing else says what the answer holds."
    )


def _least_described(document: Mapping[str, Any]) -> int | None:
    """Count the answer's properties in the documentation of the worse documented twin; ``None`` when one is absent."""
    counts = [None if found is None else len(ANSWER & found) for found in (described(document, path) for path in PATHS)]
    known = [count for count in counts if count is not None]
    return min(known) if len(known) == len(PATHS) else None


def _figure(how: str, count: int) -> Figure:
    # Counted, not sampled: there is no interval.
    estimate = Estimate(value=float(count), low=None, high=None, samples=len(PATHS))
    return Figure(name=f"properties documented {how} response model", unit="", estimate=estimate, tutorial_value=None)


def described(document: Mapping[str, Any], path: str) -> frozenset[str] | None:
    """Return the properties that a document describes of the JSON that GET answers with status 200.

    Args:
        document: OpenAPI 3; whatever else it holds is not described, not an error.
        path: Of the operation.
    Returns:
        Their names; ``None`` when the document has no such operation.
    """
    operation = _step(document, document.get("paths"), path, "get")
    if operation is None:
        return None
    schema = _step(document, operation, "responses", "200", "content", "application/json", "schema")
    return frozenset(_step(document, schema, "properties") or ())


def _step(document: Mapping[str, Any], value: object, *keys: str) -> Mapping[str, Any] | None:
    """Walk into a document, following references; ``None`` where there is no object."""
    for key in keys:
        resolved = _resolve(document, value)
        value = None if resolved is None else resolved.get(key)
    return _resolve(document, value)


def _resolve(document: Mapping[str, Any], value: object) -> Mapping[str, Any] | None:
    """Follow local references (``#/components/...``) until an object stands there; ``None`` where none does."""
    followed: set[str] = set()
    while isinstance(value, Mapping):
        reference = value.get("$ref")
        if not isinstance(reference, str):
            return value
        if reference in followed or not reference.startswith("#/"):
            return None
        followed.add(reference)
        value = document
        for token in reference.removeprefix("#/").split("/"):
            # RFC 6901, section 4: the order of the replacements matters.
            key = token.replace("~1", "/").replace("~0", "~")
            value = value.get(key) if isinstance(value, Mapping) else None
    return None
