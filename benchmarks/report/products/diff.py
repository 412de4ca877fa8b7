"""Builds the document of two compared runs: what changed in a sentence, the ratios of rates, then the details."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.judge.diff import Diff, Differences
from benchmarks.judge.judgement import Comparison
from benchmarks.judge.measures import QUANTITIES
from benchmarks.model import Run
from benchmarks.report.document import Block, Column, Document, Note, Paragraph, Section, Table, filled, table_of
from benchmarks.report.method import fact_name, fact_text, facts_table
from benchmarks.report.reproduce import run_facts
from benchmarks.report.words import arrangement_name

_FIRST_LOOKED_AT: Final = "rate"


def diff_document(diff: Diff, left: tuple[Run, Path | None], right: tuple[Run, Path | None]) -> Document:
    """Return the document of ``lab diff``: of the left run and the right one, each with the folder that has it."""
    blocks = (Paragraph("Both are the same run: there is nothing to compare.", "strong"),)
    return Document(
        kind="diff",
        title=f"What changed from {left[0].name} to {right[0].name}?",
        blocks=blocks if diff.same_run else filled(_blocks(diff)),
        data={"first": run_facts(*left), "second": run_facts(*right), "diff": diff},
        records=[
            *(_record("async over sync", change) for change in diff.ratios),
            *(_record("contender", change) for change in diff.contenders),
        ],
        about=f"First: {left[0].name}, {left[0].started_at}. Second: {right[0].name}, {right[0].started_at}.",
    )


def _blocks(diff: Diff) -> Iterator[Block]:
    if diff.withheld is not None:
        yield Note(f"No evidence: the A/A comparison of a run failed. {diff.withheld}", "alert")
    rates = [change for change in diff.ratios if change.decides == _FIRST_LOOKED_AT]
    yield Paragraph(_summary(rates), "strong")
    yield from _tables(rates)
    yield Paragraph(f"These are runs of {'one machine, as far as is known' if diff.same_machine else 'two machines'}.")
    yield from (Note(note) for note in diff.notes)
    for name, only in (("first", diff.only_left), ("second", diff.only_right)):
        if only:
            yield Note(f"Only in the {name}: {', '.join(only)}.")
    others = [change for change in diff.ratios if change.decides != _FIRST_LOOKED_AT]
    yield Section(title="async def over def: latency and CPU time", blocks=tuple(_tables(others)), is_folded=True)
    yield Section(title="Each contender", blocks=tuple(_tables(diff.contenders)), is_folded=True)
    yield _differences("What differs in the machine and its software", diff.environment)
    changed = {name: versions for name, versions in diff.packages.items() if None not in versions}
    yield _differences("What differs in packages", changed)
    # A hundred of them, where one of the two could run the tests as well.
    if lone := {name: versions for name, versions in diff.packages.items() if name not in changed}:
        section = _differences(f"Packages that only one of the two had ({len(lone)})", lone)
        yield dataclasses.replace(section, is_folded=True)


def _summary(rates: Sequence[Comparison]) -> str:
    """Say in a sentence how many ratios of rates changed, and which."""
    if not rates:
        return "The two have no arrangement with both keywords in common: only contenders can be compared."
    changed = [change for change in rates if change.standing in {"faster", "slower"}]
    of = f"the {len(rates)} ratios of requests per second, async def over def"
    if not changed:
        return f"No change was found in {of}."
    names = ", ".join(dict.fromkeys(arrangement_name(change.arrangement) for change in changed))
    return f"{len(changed)} of {of}, changed: {names}."


def _tables(changes: Sequence[Comparison]) -> Iterator[Table]:
    for workload, quantity in dict.fromkeys((change.workload, change.decides) for change in changes):
        own = [change for change in changes if (change.workload, change.decides) == (workload, quantity)]
        unit = _unit(own[0])
        yield table_of(
            f"{workload}, {QUANTITIES[quantity].title}: first, second, second over first",
            own,
            (
                (Column(""), _subject),
                (Column("first", unit), lambda change: change.first),
                (Column("second", unit), lambda change: change.second),
                (Column("change", "×"), lambda change: change.estimate),
                (Column("", is_text=True, is_minor=True), _said),
            ),
        )


def _differences(title: str, differences: Differences) -> Section:
    rows = [
        (fact_name(name), " → ".join(fact_text(name, value) for value in values))
        for name, values in differences.items()
    ]
    return Section(title=title, blocks=(facts_table("", rows),) if rows else (Paragraph("The same in both.", "quiet"),))


def _record(kind: str, change: Comparison) -> dict[str, Any]:
    record: dict[str, Any] = {"kind": kind, "workload": change.workload, "subject": _subject(change)}
    record |= {"quantity": QUANTITIES[change.decides].title, "unit": _unit(change)}
    for name, estimate in (("first", change.first), ("second", change.second), ("change", change.estimate)):
        for part in ("value", "low", "high"):
            record[f"{name}_{part}"] = getattr(estimate, part, None)
    return {**record, "said": _said(change)}


def _said(change: Comparison) -> str:
    return change.finding or f"not judged: {change.refusal}"


def _subject(change: Comparison) -> str:
    return change.arrangement or change.above


def _unit(change: Comparison) -> str:
    return "×" if change.arrangement else QUANTITIES[change.decides].unit
