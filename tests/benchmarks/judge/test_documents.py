from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from benchmarks.judge import documents
from benchmarks.judge.claims import Claim
from benchmarks.judge.documents import described
from benchmarks.judge.evidence import Evidence, RefusedError
from benchmarks.judge.judgement import Verdict
from benchmarks.model import DocumentPair, Run

ANSWER = {"type": "object", "properties": {"api": {"type": "string"}, "version": {"type": "integer"}}}
BARE: dict[str, Any] = {}


def document(*schemas: object, components: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return an OpenAPI document of the twins, whose answers have these schemas."""
    return {
        "openapi": "3.1.0",
        "paths": {
            path: {"get": {"responses": {"200": {"content": {"application/json": {"schema": schema}}}}}}
            for path, schema in zip(documents.PATHS, schemas, strict=True)
        },
        "components": components or {},
    }


@pytest.fixture
def find(
    make_run: Callable[..., Run], make_evidence: Callable[..., Evidence], claim: Callable[[str], Claim]
) -> Callable[..., Verdict]:
    """Judge a pair of documents."""

    def judge(before: Mapping[str, Any], after: Mapping[str, Any]) -> Verdict:
        evidence = make_evidence(make_run(documents={"flask": DocumentPair(before=before, after=after)}))
        ledger = claim("response-model")
        return documents.find(evidence, ledger, ledger.tests[1])

    return judge


def test_documents_that_the_response_model_completes_bear_the_claim_out(find: Callable[..., Verdict]) -> None:
    """Nothing of the answer before, all of it after."""
    finding = find(document(BARE, BARE), document(ANSWER, ANSWER))

    assert "replicated" == finding.outcome
    assert [
        ("properties documented with response model", 2.0),
        ("properties documented without response model", 0.0),
    ] == [(figure.name, figure.estimate.value) for figure in finding.figures if figure.estimate is not None]
    assert "describes 0 without a response model and 2 with it" in finding.sentence
    assert "generated from what the code declares" in finding.why


def test_documents_that_need_no_response_model_contradict(find: Callable[..., Verdict]) -> None:
    """The whole answer was described before."""
    finding = find(document(ANSWER, ANSWER), document(ANSWER, ANSWER))

    assert "contradicted" == finding.outcome
    assert "before any response model" in finding.why


def test_a_response_model_that_does_not_show_contradicts(find: Callable[..., Verdict]) -> None:
    """One twin left undocumented is enough."""
    finding = find(document(BARE, BARE), document(ANSWER, {"properties": {"api": {}, "other": {}}}))

    assert "contradicted" == finding.outcome
    assert finding.figures[0].estimate is not None
    assert 1.0 == finding.figures[0].estimate.value
    assert "does not reach the document" in finding.why


@pytest.mark.parametrize(
    ("before", "after"), [({"paths": {}}, document(ANSWER, ANSWER)), (document(BARE, BARE), {"openapi": "3.1.0"})]
)
def test_documents_of_something_else_are_refused(
    find: Callable[..., Verdict], before: dict[str, Any], after: dict[str, Any]
) -> None:
    """Without the operations there is nothing to compare; the message says which are meant."""
    with pytest.raises(RefusedError, match="lack GET /health/sync or GET /health/async"):
        find(before, after)


def test_a_run_without_documents_is_refused(
    make_run: Callable[..., Run], make_evidence: Callable[..., Evidence], claim: Callable[[str], Claim]
) -> None:
    """The message says how to get them."""
    ledger = claim("response-model")

    with pytest.raises(RefusedError, match=r"no OpenAPI documents of flask: .* --contender"):
        documents.find(make_evidence(make_run()), ledger, ledger.tests[1])


def test_references_are_followed() -> None:
    """Schemas, responses and path items may stand elsewhere, under names that a pointer must escape."""
    components = {
        "schemas": {"Alias": {"$ref": "#/components/schemas/a~1b~0c"}, "a/b~c": ANSWER},
        "responses": {"Ok": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Alias"}}}}},
    }
    referring = {
        "paths": {"/health/sync": {"get": {"responses": {"200": {"$ref": "#/components/responses/Ok"}}}}},
        "components": components,
    }

    assert frozenset({"api", "version"}) == described(referring, "/health/sync")
    assert described(referring, "/health/async") is None


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/components/schemas/Circle"},
        {"$ref": "#/components/schemas/Missing/deeper"},
        {"$ref": "#/components/schemas/Text"},
        {"$ref": "https://example.com/schema.json"},
        "text",
        None,
        {"properties": "text"},
        {"type": "object"},
    ],
)
def test_what_leads_nowhere_describes_nothing(schema: object) -> None:
    """Circular, dangling, remote and malformed schemas are not described, and no error."""
    components = {"schemas": {"Circle": {"$ref": "#/components/schemas/Circle"}, "Text": "text"}}

    assert frozenset() == described(document(schema, schema, components=components), "/health/sync")
