"""Builds the document of a run: the answer, the verdict on each claim, the evidence, and how it was measured."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.judge.claims import Claim
from benchmarks.judge.comparison import is_equal
from benchmarks.judge.judgement import Comparison, Figure, Judgement, Standing, Summary
from benchmarks.judge.judgement import Verdict as JudgedVerdict
from benchmarks.model import Run
from benchmarks.report.charts.ratios import ratio_chart
from benchmarks.report.document import (
    Block,
    Chart,
    Column,
    Command,
    Document,
    Note,
    Paragraph,
    Row,
    Section,
    Table,
    Verdict,
    comparisons,
    filled,
)
from benchmarks.report.figures import amount, estimated, level
from benchmarks.report.method import environment_facts, facts_table, method_rules
from benchmarks.report.products import run_evidence
from benchmarks.report.products.field import WORK, field_blocks, work_blocks
from benchmarks.report.products.likeness import likeness
from benchmarks.report.products.run_evidence import COLUMNS, Told, trial_records
from benchmarks.report.reproduce import compare_command, run_facts
from benchmarks.report.words import arrangement_name, twins_name

HEADLINE_CLAIM: Final = "async-throughput"
"""The claim whose verdicts answer the question that the report opens with."""

_WORDS: Final[Mapping[Standing, str]] = {
    "faster": "Yes",
    "slower": "No, slower",
    "equal": "No difference",
    "undecided": "Undecided",
    "refused": "Withheld",
}


def run_document(run: Run, judgement: Judgement, claims: Sequence[Claim], folder: Path | None = None) -> Document:
    """Return the document of ``lab report`` and ``lab compare``: a run, judged by this ledger and kept in a folder."""
    all_of_it = Told(run, judgement, claims)
    sections = (part for section in SECTIONS for part in section(all_of_it))
    again = Command("Measure it again", compare_command(run.plan, run.environment))
    # Every latency would be most of the document; they are in run.json.
    summaries = [_fields(summary, but="histograms") for summary in judgement.summaries]
    ended = f" to {run.finished_at}" if run.finished_at else ""
    title = "The race" if judgement.duels else "Is `async def` faster than `def`?"
    if run.plan.against is not None:
        title = f"Which is faster? Each against `{run.plan.against}`"
    return Document(
        kind="judgement",
        title=title,
        blocks=filled((*_lead(all_of_it), *sections, again)),
        data={"run": run_facts(run, folder), "judgement": {**_fields(judgement), "summaries": summaries}},
        records=list(trial_records(run)),
        columns=COLUMNS,
        about=f"{run.name}, {run.started_at}{ended}. Every trial, with the seed and the environment, is in `run.json`.",
    )


def _fields(value: Judgement | Summary, but: str = "") -> dict[str, Any]:
    return {each.name: getattr(value, each.name) for each in dataclasses.fields(value) if each.name != but}


def alerts(run: Run, judgement: Judgement) -> Iterator[Note]:
    """Yield what must be read before anything else: verdicts withheld, a run cut short, nothing measured."""
    if judgement.placebo_failed is not None:
        yield Note(f"Verdicts that rest on timing are withheld. {judgement.placebo_failed}", "alert")
    if run.state != "complete":
        what = "was interrupted" if run.state == "interrupted" else "did not come to its end"
        yield Note(f"This run {what}: what follows rests on the trials that it kept.", "alert")
    for workload in run.plan.workloads:
        if workload.differences:
            differences = "; ".join(workload.differences)
            yield Note(f"Answers to {workload.name} differ, so the work may too: {differences}.", "alert")
    for (probe, seen), names in _failing(run).items():
        whom = " and ".join(f"`{name}`" for name in names)
        yield Note(
            f"{whom} {'fails' if len(names) == 1 else 'fail'} the probe `{probe}` when asked what is timed: {seen} "
            "`lab conformance` says what that does to a user.",
            "alert",
        )
    if not any(summary.used for summary in judgement.summaries):
        yield Note("No valid trial was measured, so there is nothing to compare.", "alert")


def _failing(run: Run) -> dict[tuple[str, str], list[str]]:
    """Return the contenders that failed a probe before anything was timed, by the probe and what was seen."""
    found: dict[tuple[str, str], list[str]] = {}
    for contender, failures in run.failing.items():
        for probe, seen in failures.items():
            found.setdefault((probe, seen), []).append(contender)
    return found


def verdict_on(verdict: JudgedVerdict, workloads: Collection[str] = ()) -> Verdict:
    """Return a judge's verdict as a block's, with its workload if the claim was tested under several."""
    under = f", {verdict.workload}" if len(workloads) > 1 and verdict.workload else ""
    return Verdict(
        subject=f"{arrangement_name(verdict.arrangement)}{under}" if verdict.arrangement else verdict.subject,
        outcome=verdict.outcome,
        # A refused figure may well have been measured: "not measured" would be false, and the reason is given.
        figures=tuple(each for each in verdict.figures if verdict.outcome != "refused" or each.estimate is not None),
        sentence=verdict.sentence,
        why=verdict.why,
        hue=verdict.subject.lower(),
    )


def verdict_of(comparison: Comparison, workloads: Collection[str] = ()) -> Verdict:
    """Return what a comparison came to, with its workload where several are; one that is refused has no figure."""
    under = f", {comparison.workload}" if len(workloads) > 1 else ""
    rate = Figure(name="rate", estimate=comparison.rate, unit="×", tutorial_value=None)
    return Verdict(
        subject=f"`{comparison.above}` against `{comparison.below}`{under}",
        outcome=comparison.standing,
        figures=(rate,) if comparison.refusal is None and comparison.rate is not None else (),
        sentence=comparison.sentence,
        why=comparison.refusal or comparison.cause,
    )


def was_asked(run: Run, claims: Sequence[Claim], verdict: JudgedVerdict) -> bool:
    """Return whether a run had what a claim is tested on; if not, its refusal is no result and is left out."""
    if verdict.outcome != "refused":
        return True
    if verdict.workload and verdict.workload not in {workload.name for workload in run.plan.workloads}:
        return False
    there = {contender.id for contender in run.plan.contenders}
    if not verdict.arrangement:
        of_claim = (test for claim in claims if claim.id == verdict.claim for test in claim.tests)
        tests = [test for test in of_claim if test.subject == verdict.subject]
        frameworks = {contender.framework for contender in run.plan.contenders}
        return all({*test.among.split()} <= there and test.framework in {*frameworks, ""} for test in tests)
    variants = {contender.variant for contender in run.plan.contenders if contender.arrangement == verdict.arrangement}
    return {"sync", "async"} <= variants


def _lead(all_of_it: Told) -> Iterator[Block]:
    """Yield the answer, and one picture."""
    run, judgement = all_of_it.run, all_of_it.judgement
    yield from alerts(run, judgement)
    if judgement.duels:
        for field in judgement.fields:
            yield from field_blocks(run, field, judgement.margin)
        workloads = {duel.workload for duel in judgement.duels}
        in_a_field = {field.workload for field in judgement.fields}
        alone = [duel for duel in judgement.duels if duel.workload not in in_a_field]
        yield from _once((verdict_of(duel, workloads) for duel in alone), set())
    elif answers := _once(_answers(all_of_it), set()):
        yield from answers
    elif compared := judgement.twins or judgement.bridges:
        # The question is about views that do not wait, of both keywords: whatever else was compared comes first.
        judged = [each for each in compared if each.refusal is None]
        judged = [each for each in judged if each.headline] or judged
        workloads = {each.workload for each in judged}
        yield from _once((verdict_of(each, workloads) for each in judged), set())
        if not judged:
            yield from run_evidence.refusals(compared)
    else:
        lone = "one contender, and nothing to compare it with"
        unpaired = "no arrangement with both `def` and `async def`"
        yield Paragraph(f"This run has no answer: it had {unpaired if run.plan.against is None else lone}.")
    yield from _picture(all_of_it)


def _answers(all_of_it: Told) -> Iterator[Verdict]:
    """Yield the answer for each framework: on what the claim is judged on, or on what took part instead."""
    asked = [
        verdict
        for verdict in all_of_it.judgement.verdicts
        if verdict.claim == HEADLINE_CLAIM and was_asked(all_of_it.run, all_of_it.claims, verdict)
    ]
    for verdict in [verdict for verdict in asked if verdict.headline] or asked:
        standing = "refused" if verdict.outcome == "refused" else verdict.standing or "undecided"
        yield dataclasses.replace(verdict_on(verdict), word=_WORDS[standing])


def _picture(all_of_it: Told) -> Iterator[Block]:
    """Yield the ratios of rates under the first workload that was asked in the closed model and does not wait."""
    plan, judgement = all_of_it.run.plan, all_of_it.judgement
    asked = (each.name for each in plan.workloads if each.wait_ms <= 0 and not plan.is_open(each.name))
    workload = next(asked, None)
    twins = [twin for twin in judgement.twins if twin.workload == workload]
    if workload is None or not twins:
        return
    headline = (claim for claim in all_of_it.claims if claim.id == HEADLINE_CLAIM)
    tutorial = next((figure.ratio for claim in headline for figure in claim.figures), None)
    draw = functools.partial(ratio_chart, workload, judgement.twins, margin=judgement.margin, tutorial_value=tutorial)
    failed = " The A/A comparison failed: these ratios are no evidence." if judgement.placebo_failed else ""
    caption = (
        f"Requests per second of async def over def, with {level(twin.rate for twin in twins)} intervals. Bold: the "
        f"arrangements that the claim is judged on. Grey band: counts as equal (±{100 * judgement.margin:g} %).{failed}"
    )
    rates = (Row((twins_name(twin), twin.rate), strong=twin.headline) for twin in twins)
    title = f"{workload}: requests per second, async def over def"
    yield Chart(draw=draw, caption=caption, instead=(comparisons(title, rates),))


def _claims(all_of_it: Told) -> Iterator[Section]:
    """Yield the verdicts at a glance, and folded each claim in the tutorial's words with what was found and why."""
    run, judgement = all_of_it.run, all_of_it.judgement
    asked = [verdict for verdict in judgement.verdicts if was_asked(run, all_of_it.claims, verdict)]
    by_claim = {claim.id: [verdict for verdict in asked if verdict.claim == claim.id] for claim in all_of_it.claims}
    tried = [claim for claim in all_of_it.claims if any(verdict.headline for verdict in by_claim[claim.id])]
    left_out = [f"{claim.number}. {claim.title}" for claim in all_of_it.claims if claim not in tried]
    without = Note(f"Not asked in this run, so without a verdict: {'; '.join(left_out)}.")
    if run.plan.against is not None and not tried:
        return
    told_whys = {verdict.why for verdict in _answers(all_of_it)}
    reasons = tuple(_reasons(asked, told_whys))
    parts = tuple(_claim(claim, by_claim[claim.id], told_whys, headline=True) for claim in tried)
    beside = filled(_claim(claim, by_claim[claim.id], told_whys, headline=False) for claim in tried)
    in_words = "Each claim in the tutorial's words, with what was found and why"
    blocks = (
        _glance(tried, by_claim, level(twin.rate for twin in judgement.twins)),
        *reasons,
        without if left_out else None,
        Section(title=in_words, blocks=parts, is_folded=True),
        Section(title="The same claims on the other arrangements", blocks=beside, is_folded=True),
    )
    yield Section(title="What the tutorial says, and what this run found", blocks=filled(blocks))


def _reasons(asked: Iterable[JudgedVerdict], told_whys: set[str]) -> Iterator[Note]:
    """Yield why verdicts are refused, each reason once, with the claims that it is about."""
    numbers: dict[str, dict[int, None]] = {}
    for verdict in asked:
        if verdict.headline and verdict.outcome == "refused" and verdict.why not in told_whys:
            numbers.setdefault(verdict.why, {})[verdict.number] = None
    for why, claims in numbers.items():
        yield Note(f"{', '.join(map(str, claims))}: {why}", "warning")
        told_whys.add(why)


def _glance(tried: Sequence[Claim], by_claim: Mapping[str, Sequence[JudgedVerdict]], confidence: str) -> Table:
    """Return a line for each claim: the outcome on each subject, and the figure that decided it."""
    headlines = {claim.id: [verdict for verdict in by_claim[claim.id] if verdict.headline] for claim in tried}
    # A verdict on several frameworks at once has no column of its own: it stands in the first one, with their names.
    subjects = sorted(
        {verdict.subject for own in headlines.values() for verdict in own},
        key=lambda subject: (" and " in subject, subject),
    )
    subjects = [subject for subject in subjects if " and " not in subject] or subjects
    rows = []
    for claim in tried:
        own = {verdict.subject: _short(verdict) for verdict in reversed(headlines[claim.id])}
        cells: list[Verdict | str] = [own.get(subject, "") for subject in subjects]
        if others := [verdict for subject, verdict in own.items() if subject not in subjects]:
            both = others[-1]
            cells[0] = dataclasses.replace(both, sentence=": ".join(filter(None, (both.subject, both.sentence))))
        rows.append(Row((f"{claim.number}. {claim.title}", *cells), anchor=f"claim-{claim.number}"))
    columns = (Column("The tutorial says"), *map(Column, subjects))
    caption = f"A verdict on each claim, and the figure that decided it. Brackets hold {confidence} intervals."
    return Table(caption=caption, columns=columns, rows=tuple(rows), kind="glance")


def _short(verdict: JudgedVerdict) -> Verdict:
    """Return a verdict for a cell: its outcome, and in its sentence the figure that decided."""
    figures = verdict_on(verdict).figures
    # A ratio is that of the claim's title, unless another quantity of the claim came out otherwise.
    differ = len({figure.outcome for figure in figures} - {None}) > 1
    shown = (
        (f"{each.name.partition(',')[0]}: " if differ or not each.unit else "") + estimated(each.estimate, each.unit)
        for each in figures[:1]
    )
    return Verdict(subject=verdict.subject, outcome=verdict.outcome, sentence="".join(shown))


def _claim(claim: Claim, verdicts: Sequence[JudgedVerdict], told_whys: set[str], *, headline: bool) -> Section:
    """Return a claim in the tutorial's words with the verdicts that it is judged on, or only those on others."""
    workloads = {verdict.workload for verdict in verdicts}
    chosen = (verdict_on(verdict, workloads) for verdict in verdicts if verdict.headline == headline)
    blocks, title = _once(chosen, told_whys), f"{claim.number}. {claim.title}"
    if not headline:
        return Section(title=title, blocks=blocks)
    quoted = (*(Paragraph(words, "quote") for words in claim.quote), Paragraph(claim.english, "quiet"))
    return Section(title=title, anchor=f"claim-{claim.number}", blocks=(*quoted, *blocks))


def _once(verdicts: Iterable[Verdict], told_whys: set[str]) -> tuple[Verdict, ...]:
    """Return verdicts without the causes that an earlier one already has, and note theirs."""
    kept = []
    for verdict in verdicts:
        kept.append(dataclasses.replace(verdict, why="" if verdict.why in told_whys else verdict.why))
        told_whys.add(verdict.why)
    return tuple(kept)


def _notes(all_of_it: Told) -> Iterator[Section]:
    run, judgement = all_of_it.run, all_of_it.judgement
    ratio = judgement.placebo
    equal = ratio is not None and run.plan.placebo is not None and is_equal(ratio, judgement.margin)
    reached = ", ".join(f"{amount(rate, 'req/s')} on {name}" for name, rate in judgement.ceiling_per_s.items())
    notes = (
        *([f"A/A: {run.plan.placebo} against itself came out equal, {estimated(ratio, '×')}."] if equal else []),
        *([f"The loader reached {reached}."] if reached else []),
        *judgement.notes,
    )
    yield Section(title="Notes", blocks=tuple(map(Note, notes)))


def _how(all_of_it: Told) -> Iterator[Section]:
    run = all_of_it.run
    rules = tuple(map(Note, method_rules(run.plan, all_of_it.judgement.margin)))
    yield Section(title="How it was measured", blocks=rules, is_folded=True)
    environment = facts_table("Environment", environment_facts(run.environment))
    packages = facts_table("Packages", environment_facts(run.environment, packages=True))
    yield Section(title="The machine and its software", blocks=filled((environment, packages)), is_folded=True)


def _field_details(all_of_it: Told) -> Iterator[Section]:
    """Yield what is left of a field's ratios where views work, and what each comparison came to, with its cause."""
    run, judgement = all_of_it.run, all_of_it.judgement
    left = [block for field in judgement.fields for block in work_blocks(field, judgement.margin)]
    explained = Paragraph(WORK, "quiet")
    yield Section(title="Where the view itself works", blocks=(explained, *left) if left else ())
    for field in judgement.fields:
        duels = [duel for duel in judgement.duels if duel.workload == field.workload]
        title = f"{field.workload}: each against {run.plan.against}, and why"
        yield Section(title=title, blocks=_once((verdict_of(duel) for duel in duels), set()), is_folded=True)


SECTIONS: list[Callable[[Told], Iterable[Section]]] = [
    _claims,
    _field_details,
    run_evidence.costs,
    run_evidence.latencies,
    run_evidence.at_rate,
    run_evidence.waiting,
    run_evidence.bridges,
    run_evidence.all_figures,
    likeness,
    _notes,
    _how,
]
"""The sections below a run's answer, in order; to add one, add its function here."""
