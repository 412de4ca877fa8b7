"""Builds the document of a run: the first screen, a card for each claim, the evidence, and how it was measured."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.judge.claims import Claim
from benchmarks.judge.judgement import Judgement, Summary
from benchmarks.model import Run
from benchmarks.report.document import Command, Document, Note, Paragraph, Section, filled
from benchmarks.report.figures import amount
from benchmarks.report.method import environment_facts, facts_table, method_rules
from benchmarks.report.naming import Names
from benchmarks.report.products import run_evidence
from benchmarks.report.products.cards import cards
from benchmarks.report.products.field import MOST_SHOWN, WORK, field_blocks, field_picture, work_blocks
from benchmarks.report.products.likeness import behaviour, likeness
from benchmarks.report.products.poster import MOST_ANSWERS, answers, compared, poster
from benchmarks.report.products.run_evidence import COLUMNS, Told, trial_records
from benchmarks.report.products.verdicts import once, verdict_of
from benchmarks.report.reproduce import compare_command, run_facts
from benchmarks.report.words import server_name


def run_document(run: Run, judgement: Judgement, claims: Sequence[Claim], folder: Path | None = None) -> Document:
    """Return the document of ``lab report`` and ``lab compare``: a run, judged by this ledger and kept in a folder."""
    all_of_it, names = Told(run, judgement, claims), Names(run)
    sections = (part for section in SECTIONS for part in section(all_of_it))
    again = Command("Measure it again", compare_command(run.plan, run.environment))
    # Every latency would be most of the document; they are in run.json.
    summaries = [_fields(summary, but="histograms") for summary in judgement.summaries]
    ended = f" to {run.finished_at}" if run.finished_at else ""
    title = "The race" if judgement.duels else "Is `async def` faster than `def`?"
    if run.plan.against is not None:
        title = f"Which is faster? Each against {names.text(run.plan.against)}"
    return Document(
        kind="judgement",
        title=title,
        blocks=names.blocks(filled((*poster(all_of_it), *sections, again))),
        data={"run": run_facts(run, folder), "judgement": {**_fields(judgement), "summaries": summaries}},
        records=list(trial_records(run)),
        columns=COLUMNS,
        about=f"{run.name}, {run.started_at}{ended}. Every trial, with the seed and the environment, is in `run.json`.",
    )


def _fields(value: Judgement | Summary, but: str = "") -> dict[str, Any]:
    return {each.name: getattr(value, each.name) for each in dataclasses.fields(value) if each.name != but}


def _comparisons(all_of_it: Told) -> Iterator[Section]:
    """Yield what each comparison came to, in a sentence, where no claim is judged; the first ones' causes were told."""
    judgement = all_of_it.judgement
    in_a_field = {field.workload for field in judgement.fields}
    told = [] if answers(all_of_it) else [each for each in compared(judgement) if each.workload not in in_a_field]
    workloads = {each.workload for each in told}
    on_top = set() if judgement.fields else {each.cause for each in told[:MOST_ANSWERS]}
    yield Section(
        title="What each comparison came to", blocks=once((verdict_of(each, workloads) for each in told), on_top)
    )


def _notes(all_of_it: Told) -> Iterator[Section]:
    judgement = all_of_it.judgement
    reached = ", ".join(
        f"{amount(rate, 'req/s')} on a bare server on {server_name(name.partition('@')[2])}"
        for name, rate in judgement.ceiling_per_s.items()
    )
    notes = (*([f"The loader reached {reached}."] if reached else []), *judgement.notes)
    yield Section(title="Notes", blocks=tuple(map(Note, notes)))


def _how(all_of_it: Told) -> Iterator[Section]:
    run = all_of_it.run
    rules = tuple(map(Note, method_rules(run.plan, all_of_it.judgement.margin)))
    yield Section(title="How it was measured", blocks=rules, is_folded=True)
    environment = facts_table("Environment", environment_facts(run.environment))
    packages = facts_table("Packages", environment_facts(run.environment, packages=True))
    yield Section(title="The machine and its software", blocks=filled((environment, packages)), is_folded=True)


def _field_details(all_of_it: Told) -> Iterator[Section]:
    """Yield all of a field, what is left of its ratios where views work, and what each comparison came to, and why."""
    run, judgement = all_of_it.run, all_of_it.judgement
    first, *others = judgement.fields or (None,)
    if first is not None and len(first.entries) > MOST_SHOWN:
        title = f"{first.workload}: all {len(first.entries)} contenders"
        yield Section(title=title, blocks=(field_picture(first, judgement),), is_folded=True)
    for field in filter(None, others):
        yield Section(title=field.workload, blocks=tuple(field_blocks(run, field, judgement, is_first=False)))
    left = [block for field in judgement.fields for block in work_blocks(field, judgement.margin)]
    explained = Paragraph(WORK, "quiet")
    yield Section(title="Where the view itself works", blocks=(explained, *left) if left else ())
    for field in judgement.fields:
        duels = [duel for duel in judgement.duels if duel.workload == field.workload]
        title = f"{field.workload}: each against {run.plan.against}, and why"
        yield Section(title=title, blocks=once((verdict_of(duel) for duel in duels), set()), is_folded=True)


SECTIONS: list[Callable[[Told], Iterable[Section]]] = [
    cards,
    _comparisons,
    _field_details,
    likeness,
    behaviour,
    run_evidence.bridges,
    run_evidence.at_rate,
    run_evidence.costs,
    run_evidence.latencies,
    run_evidence.waiting,
    run_evidence.all_figures,
    _notes,
    _how,
]
"""The sections below a run's first screen, in order; to add one, add its function here."""
