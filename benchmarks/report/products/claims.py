"""Builds the document of the ledger: the tutorial's words, its figures, and how each claim is tested."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from benchmarks.judge.claims import Claim, ClaimTest
from benchmarks.report.document import Document, Note, Paragraph, Section

_HOW: Final = {
    "documents": "compare its OpenAPI documents without and with the response model",
    "ratio": "compare `async def` with `def` on {0.arrangement}, workload {0.workload}",
    "waits": "count the waits in progress on {0.arrangement} against its threads, workload {0.workload}",
    "event-loop": "look which threads run on {0.arrangement} while it serves `async def`, workload {0.workload}",
    "best": "compare the best of {0.framework} with the best of {0.against}, workload {0.workload}; "
    "much is {0.much:g} ×",
}


def claims_document(claims: Sequence[Claim]) -> Document:
    """Return the document of ``lab claims``, which tells them in this order."""
    return Document(
        kind="claims",
        title="What the tutorial claims, and how it is tested",
        blocks=(Section(title="The ledger", blocks=tuple(map(_claim, claims))),),
        data={"claims": claims},
        records=[
            {"number": claim.number, "id": claim.id, "title": claim.title, "subject": test.subject, "tried": _how(test)}
            for claim in claims
            for test in claim.tests
        ],
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
    return _HOW[test.kind].format(test)
