"""Builds the document of the ledger: the tutorial's words, its figures, and how each claim is tested."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from benchmarks.judge.claims import Claim, ClaimTest
from benchmarks.report.document import Document, Note, Paragraph, Section

_HOW: Final = {
    "documents": "compare its OpenAPI documents without and with the response model",
    "ratio": "compare `async def` with `def` on {framework}@{serving}, workload {workload}",
    "waits": "count the waits in progress on {framework}@{serving} against its threads, workload {workload}",
    "event-loop": "look which threads run on {framework}@{serving} while it serves `async def`, workload {workload}",
    "best": "compare the best of {framework} with the best of {against}, workload {workload}; much is {much:g} ×",
}


def claims_document(claims: Sequence[Claim]) -> Document:
    """Return the document of ``lab claims``, which tells them in this order."""
    return Document(
        kind="claims",
        title="What the tutorial claims, and how it is tested",
        blocks=(Section(title="The ledger", blocks=tuple(map(_claim, claims))),),
        data={"claims": claims},
        records=[_record(claim, test) for claim in claims for test in claim.tests],
    )


def _claim(claim: Claim) -> Section:
    return Section(
        title=f"{claim.number}. {claim.title} ({claim.id})",
        blocks=(
            *(Paragraph(words, "quote") for words in claim.quote),
            Paragraph(claim.english),
            *(
                Note(f"{figure.name}: {sync}async def {figure.asynchronous:g}{ratio}")
                for figure in claim.figures
                for sync in ["" if figure.sync is None else f"def {figure.sync:g}, "]
                for ratio in ["" if figure.ratio is None else f"; async/sync {figure.ratio:.3g}"]
            ),
            *(Note(f"{test.subject}: {_how(test)}") for test in claim.tests),
        ),
    )


def _how(test: ClaimTest) -> str:
    return _HOW[test.kind].format(
        framework=test.framework, serving=test.serving, workload=test.workload, against=test.against, much=test.much
    )


def _record(claim: Claim, test: ClaimTest) -> dict[str, Any]:
    return {"number": claim.number, "id": claim.id, "title": claim.title, "subject": test.subject, "tried": _how(test)}
