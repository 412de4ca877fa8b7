"""Builds a card for each claim: a small chart on its own axis, what was found, why, and closed evidence."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Sequence

from benchmarks.judge.claims import Claim
from benchmarks.judge.judgement import Verdict as JudgedVerdict
from benchmarks.report.charts.claims import claim_chart
from benchmarks.report.document import Chart, Note, Paragraph, Section, filled
from benchmarks.report.figures import level
from benchmarks.report.products.poster import HEADLINE_CLAIM, answers
from benchmarks.report.products.run_evidence import Told
from benchmarks.report.products.verdicts import once, verdict_on, was_asked


def cards(all_of_it: Told) -> Iterator[Section]:
    """Yield a card for each claim that the run tried: the headline's first, then by effect."""
    run, judgement = all_of_it.run, all_of_it.judgement
    asked = [verdict for verdict in judgement.verdicts if was_asked(run, all_of_it.claims, verdict)]
    by_claim = {claim.id: [verdict for verdict in asked if verdict.claim == claim.id] for claim in all_of_it.claims}
    tried = [claim for claim in all_of_it.claims if any(verdict.headline for verdict in by_claim[claim.id])]
    if run.plan.against is not None and not tried:
        return
    tried.sort(key=lambda claim: (claim.id != HEADLINE_CLAIM, -_effect(by_claim[claim.id]), claim.number))
    left_out = [f"{claim.number}. {claim.title}" for claim in all_of_it.claims if claim not in tried]
    told_whys = {judgement.placebo_failed or "", *(answer.why for answer in answers(all_of_it))}
    blocks = (
        Paragraph(f"Brackets hold {level(twin.rate for twin in judgement.twins)} intervals.", "quiet"),
        *_reasons(asked, told_whys),
        Note(f"Not asked in this run, so without a verdict: {'; '.join(left_out)}.") if left_out else None,
        *(_card(claim, by_claim[claim.id], told_whys, judgement.margin) for claim in tried),
    )
    yield Section(title="What the tutorial says, and what this run found", blocks=filled(blocks))


def _effect(verdicts: Iterable[JudgedVerdict]) -> float:
    """Return how far the ratio that decided is from 1, on the scale of logarithms; 0 where none did."""
    decisive = (verdict.figures[0] for verdict in verdicts if verdict.headline and verdict.figures)
    ratios = (each.estimate.value for each in decisive if each.unit == "×" and each.estimate is not None)
    return max((abs(math.log(ratio)) for ratio in ratios if ratio > 0), default=0.0)


def _reasons(asked: Iterable[JudgedVerdict], told_whys: set[str]) -> Iterator[Note]:
    """Yield why verdicts are refused, each reason once, with the claims that it is about."""
    numbers: dict[str, dict[int, None]] = {}
    for verdict in asked:
        if verdict.headline and verdict.outcome == "refused" and verdict.why not in told_whys:
            numbers.setdefault(verdict.why, {})[verdict.number] = None
    for why, claims in numbers.items():
        yield Note(f"{', '.join(map(str, claims))}: {why}", "warning")
        told_whys.add(why)


def _card(claim: Claim, verdicts: Sequence[JudgedVerdict], told_whys: set[str], margin: float) -> Section:
    """Return what was found on the arrangements that a claim is judged on; the rest is folded."""
    workloads = {verdict.workload for verdict in verdicts}
    judged = [verdict for verdict in verdicts if verdict.headline]
    found = once((verdict_on(verdict, workloads) for verdict in judged), told_whys)
    beside = once((verdict_on(verdict, workloads) for verdict in verdicts if not verdict.headline), told_whys)
    much = next((test.much for test in claim.tests if test.much), 0.0)
    measured = [verdict for verdict in judged if verdict.outcome != "refused"]
    draw = functools.partial(claim_chart, claim.id, claim.title, measured, margin=margin, much=much)
    words = (*(Paragraph(words, "quote") for words in claim.quote), Paragraph(claim.english, "quiet"))
    others = Section(title="On the other arrangements", blocks=beside)
    evidence = f"Claim {claim.number}: the tutorial's words{', and the other arrangements' if beside else ''}"
    return Section(
        title=f"{claim.number}. {claim.title}",
        anchor=f"claim-{claim.number}",
        blocks=(
            *found,
            Chart(draw=draw, caption=""),
            Section(title=evidence, blocks=filled((*words, others)), is_folded=True),
        ),
        is_card=True,
    )
