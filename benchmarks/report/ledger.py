"""Prints the ledger of claims: the tutorial's words, its figures, and how each claim is tried."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from benchmarks.judge.claims import Claim, ClaimTest

_HOW = {
    "documents": "compare its OpenAPI documents without and with the response model",
    "ratio": "compare `async def` with `def` on {framework}@{serving}, workload {workload}",
    "waits": "count the waits in progress on {framework}@{serving} against its threads, workload {workload}",
    "event-loop": "look which threads run on {framework}@{serving} while it serves `async def`, workload {workload}",
    "best": "compare the best of {framework} with the best of {against}, workload {workload}; much is {much:g} ×",
}


def print_claims(console: Console, claims: Sequence[Claim]) -> None:
    """Print each claim.

    Args:
        console: Where to.
        claims: What to print, in this order.
    """
    for claim in claims:
        console.print(Text(f"{claim.number}  {claim.title}", style="bold"), Text(f"({claim.id})", style="dim"))
        for words in claim.quote:
            console.print(_indented(Text(words, style="italic")))
        console.print(_indented(Text(" ".join(claim.english.split()))))
        for figure in claim.figures:
            ratio = "" if figure.ratio is None else f"; async/sync {figure.ratio:.3g}"
            sync = "" if figure.sync is None else f"def {figure.sync:g}, "
            console.print(_indented(Text(f"{figure.name}: {sync}async def {figure.asynchronous:g}{ratio}")))
        for test in claim.tests:
            console.print(_indented(Text(f"{test.subject}: {_how(test)}", style="dim")))
        console.print()


def _how(test: ClaimTest) -> str:
    return _HOW[test.kind].format(
        framework=test.framework, serving=test.serving, workload=test.workload, against=test.against, much=test.much
    )


def _indented(text: Text) -> Padding:
    return Padding(text, (0, 0, 0, 3))
