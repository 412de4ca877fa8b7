"""Judges whether documentation comes from the response model, by two OpenAPI documents of the same service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.judge.claims import Claim, ClaimTest
from benchmarks.judge.evidence import AbsentError, Evidence, RefusedError, verdict_on
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
        raise AbsentError(
            f"The run holds no OpenAPI documents of {test.framework}: add one of its contenders with --contender."
        )
    without, complete = _least_described(pair.before), _least_described(pair.after)
    if without is None or complete is None:
        raise RefusedError(
            f"The OpenAPI documents of {test.framework} lack GET {' or GET '.join(PATHS)}, so there is nothing to "
            "compare: mend the app and run again."
        )
    if complete < len(ANSWER):
        why = "The response model does not reach the document: the schema of the answer lacks what the answer has."
    elif without == len(ANSWER):
        why = "The document describes the whole answer before any response model is declared."
    else:
        why = (
            "The document is generated from what the code declares: the schema of the answer is the response model, "
            "and nothing else says what the answer holds."
        )
    return verdict_on(
        claim,
        test,
        "replicated" if without < len(ANSWER) == complete else "contradicted",
        figures=tuple(
            # Counted, not sampled: there is no interval.
            Figure(
                name=f"properties documented {how} response model",
                estimate=Estimate(value=float(count), low=None, high=None, samples=len(PATHS)),
            )
            for how, count in (("with", complete), ("without", without))
        ),
        sentence=(
            f"Of the {len(ANSWER)} properties of the answer the OpenAPI document describes {without} without a "
            f"response model and {complete} with it."
        ),
        why=why,
    )


def _least_described(document: Mapping[str, Any]) -> int | None:
    """Count the answer's properties in the documentation of the worse documented twin; ``None`` when one is absent."""
    found = [described(document, path) for path in PATHS]
    return None if None in found else min(len(ANSWER & properties) for properties in found if properties is not None)


def described(document: Mapping[str, Any], path: str) -> frozenset[str] | None:
    """Return the properties that a document describes of the JSON that GET answers with status 200.

    Args:
        document: OpenAPI 3; whatever else it holds is not described, not an error.
        path: Of the operation; ``None`` is returned where there is none.
    """
    operation = _step(document, document.get("paths"), path, "get")
    if operation is None:
        return None
    schema = _step(document, operation, "responses", "200", "content", "application/json", "schema")
    return frozenset(_step(document, schema, "properties") or ())


def _step(document: Mapping[str, Any], value: object, *keys: str) -> Mapping[str, Any] | None:
    """Walk into a document, following local references (``#/components/...``); ``None`` where there is no object."""
    way, followed = list(keys), set[str]()
    while isinstance(value, Mapping):
        reference = value.get("$ref")
        if isinstance(reference, str):
            if reference in followed or not reference.startswith("#/"):
                return None
            followed.add(reference)
            # RFC 6901, section 4: the order of the replacements matters.
            tokens = reference.removeprefix("#/").split("/")
            value, way = document, [*(token.replace("~1", "/").replace("~0", "~") for token in tokens), *way]
        elif way:
            value = value.get(way.pop(0))
        else:
            return value
    return None
