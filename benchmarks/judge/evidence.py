"""The evidence in a run: its comparisons, its A/A comparison, and why something in it cannot be judged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.judge import trials, wording
from benchmarks.judge.claims import Claim, ClaimTest
from benchmarks.judge.comparison import Pairs, conclude, equal_band, is_equal, measured, paired, ratio
from benchmarks.judge.judgement import (
    CONFIDENCE,
    Comparison,
    Estimate,
    Figure,
    Outcome,
    QuantityName,
    Standing,
    Summary,
    Verdict,
)
from benchmarks.judge.spread import Spread, learnt
from benchmarks.judge.statistics import REPEATED_LOOKS_CONFIDENCE, excludes_one, logarithms_of
from benchmarks.judge.trials import QUANTITIES, ValidTrial, participants, summarise
from benchmarks.model import Contender, Run, Trial, Variant

MINIMUM_ROUNDS = 2
"""Fewer have no interval."""

_VOID_TOLD = 3
"""How many void trials a refusal names; the report lists every trial."""


class RefusedError(Exception):
    """This run cannot judge; the message is the reason and what to do about it."""


class AbsentError(RefusedError):
    """What a claim is about took no part in the run."""


class Evidence:
    """One run, ready to be judged.

    Attributes:
        run: Whole.
        workloads: Of its plan, by name.
        confidence: Of the intervals of ratios: higher where the run looked after every round whether to stop.
        ceilings_per_s: The loader's rate on each bare server, by contender id.
        ceiling_per_s: The highest of these; ``None`` if the loader was not calibrated.
        placebo: The A/A ratio: a second trial's rate over the first's; ``None`` if the run has no pair.
        placebo_failed: Why measured verdicts are withheld; ``None`` if they are not.
        placebo_note: What the reader must know of the A/A comparison; ``None`` if it came out equal, or failed.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.workloads = {workload.name: workload for workload in run.plan.workloads}
        self.confidence = CONFIDENCE if run.plan.precision is None else REPEATED_LOOKS_CONFIDENCE
        self.ceilings_per_s = trials.ceilings(run.calibration)
        self.ceiling_per_s = max(self.ceilings_per_s.values(), default=None)
        pairs = placebo_pairs(run)
        self.placebo = ratio(pairs, "rate")
        self.placebo_failed, self.placebo_note = _judge_placebo(run, pairs, self.placebo)
        self._valid: dict[tuple[str, str], tuple[ValidTrial, ...]] = {}
        self._summaries: dict[tuple[str, str], Summary] = {}
        self._spreads: dict[str, Spread | None] = {}

    def find_if_there(self, test: ClaimTest, variant: Variant) -> Contender | None:
        """Return the contender that a test is about, or ``None`` if it took no part."""
        sought = (test.framework, variant, test.serving)
        there = participants(self.run, test.workload)
        return next((each for each in there if (each.framework, each.variant, each.serving) == sought), None)

    def find(self, test: ClaimTest, variant: Variant) -> Contender:
        """Return the contender that a test is about.

        Raises:
            AbsentError: It took no part.
        """
        contender = self.find_if_there(test, variant)
        if contender is None:
            name = f"{test.framework}-{variant}@{test.serving}"
            raise AbsentError(
                f"{name} was not in this run under the workload {test.workload}: add it with --contender {name}."
            )
        return contender

    def valid(self, contender: Contender, workload: str) -> tuple[ValidTrial, ...]:
        """Return a contender's trials that count, without the placebo's; cached."""
        key = (contender.id, workload)
        if key not in self._valid:
            self._valid[key] = trials.valid_trials(trials.ordinary_trials(self.run, *key))
        return self._valid[key]

    def pairs(self, above: Contender, below: Contender, workload: str) -> Pairs:
        """Return the trials of two contenders that are compared with each other."""
        return paired(self.valid(above, workload), (*self.valid(below, workload), *self._again(below, workload)))

    def _again(self, contender: Contender, workload: str) -> tuple[ValidTrial, ...]:
        """Return the placebo's trials of the one that all others are compared with: they measured it a second time."""
        if contender.id != self.run.plan.against:
            return ()
        placebos = (each for each in self.run.trials if each.placebo and each.contender == contender.id)
        return trials.valid_trials(each for each in placebos if each.workload == workload)

    def _spread(self, workload: str) -> Spread | None:
        """Return what all contenders tell of how much a ratio to the reference varies from round to round; cached."""
        if workload not in self._spreads:
            there = participants(self.run, workload)
            reference = next(each for each in there if each.id == self.run.plan.against)
            both = (measured(self.pairs(each, reference, workload), "rate") for each in there if each is not reference)
            samples = (logarithms_of(*zip(*rounds.values(), strict=True)) for rounds in both if rounds)
            self._spreads[workload] = learnt(samples)
        return self._spreads[workload]

    def summary(self, contender: Contender, workload: str) -> Summary:
        """Summarise a contender under a workload; cached."""
        key = (contender.id, workload)
        if key not in self._summaries:
            self._summaries[key] = summarise(self.run, contender, workload, self.ceiling_per_s)
        return self._summaries[key]

    def summaries(self) -> tuple[Summary, ...]:
        """Summarise every contender under every workload in which it took part."""
        return tuple(
            self.summary(contender, workload)
            for workload in self.workloads
            for contender in participants(self.run, workload)
        )

    def compare(
        self, above: Contender, below: Contender, workload: str, *, headline: bool = False, narrows: bool = False
    ) -> Comparison:
        """Compare two contenders, as far as this run can judge them.

        With ``narrows``, the comparison has how its interval narrowed, round after round.
        """
        pairs = self.pairs(above, below, workload)
        looks = sorted({each.trial.round for each, _ in pairs})[MINIMUM_ROUNDS - 1 :] if narrows else ()
        so_far = ([pair for pair in pairs if pair[0].trial.round <= last] for last in looks)
        narrowing = (ratio(seen, "rate", self.confidence) for seen in so_far)
        others = {"rate": self._spread(workload)} if below.id == self.run.plan.against else {}
        doubts = [doubt for contender in (above, below) if (doubt := self.summary(contender, workload).doubt)]
        # The latencies of a server that did not keep up measure its queue: no ratio is made of them.
        quantities: Iterable[QuantityName] = ("rate", "cpu") if doubts else QUANTITIES
        estimates: dict[str, Any] = {name: ratio(pairs, name, self.confidence, others.get(name)) for name in quantities}
        decides: QuantityName = "latency_p95" if self.run.plan.is_open(workload) else "rate"
        seen = measured(pairs, decides) if decides in estimates else {}
        return conclude(
            Comparison(
                above=above.id,
                below=below.id,
                workload=workload,
                arrangement=above.arrangement if above.arrangement == below.arrangement else "",
                framework=above.framework if above.framework == below.framework else "",
                headline=headline,
                margin=self.run.plan.margin,
                decides=decides,
                refusal=" ".join(doubts) or self._untimed((above, below), workload),
                rounds=tuple(one / other for one, other in seen.values() if other > 0),
                narrowing=tuple(estimate for estimate in narrowing if estimate is not None),
                **estimates,
            )
        )

    def require(self, above: Contender, below: Contender, workload: str) -> Comparison:
        """Compare two contenders for a claim.

        Raises:
            RefusedError: See ``refusal``.
        """
        if (refusal := self.refusal((above, below), workload)) is not None:
            raise RefusedError(refusal)
        return self.compare(above, below, workload)

    def refusal(self, contenders: Sequence[Contender], workload: str) -> str | None:
        """Say why no claim may be tested on contenders' rates and latencies, or ``None``.

        The rate was given, the placebo failed, there are too few rounds that all have, or the loader had no head-room.
        """
        if self.run.plan.is_open(workload):
            return (
                f"The workload {workload} was asked at a given rate: what a server can do is not seen then, nor its "
                "latency at its limit, which is what the tutorial compares. Run again without --rate."
            )
        return self._untimed(contenders, workload)

    def _untimed(self, contenders: Sequence[Contender], workload: str) -> str | None:
        by_round = [{valid.trial.round: valid for valid in self.valid(each, workload)} for each in contenders]
        rounds = sorted(set.intersection(*map(set, by_round)))
        if len(rounds) < MINIMUM_ROUNDS:
            return self.too_few(len(rounds), contenders, workload, MINIMUM_ROUNDS)
        if self.placebo_failed is not None:
            return self.placebo_failed
        used = [own[number] for number in rounds for own in by_round]
        used += [again for each in contenders for again in self._again(each, workload)]
        return trials.loader_bound(used, self.ceiling_per_s) or None

    def too_few(self, count: int, contenders: Sequence[Contender], workload: str, needed: int) -> str:
        """Say that fewer rounds than needed have valid trials of all these contenders, why, and what to do."""
        names = " and ".join(contender.id for contender in contenders)
        void = [
            f"{contender.id}, {reason}" for contender in contenders for reason in self.summary(contender, workload).void
        ]
        more = [f"and {len(void) - _VOID_TOLD} more"] if len(void) > _VOID_TOLD else []
        because = f" Void: {'; '.join((*void[:_VOID_TOLD], *more))}." if void else ""
        return (
            f"{wording.rounds(count).capitalize()} with a valid trial of {names} under {workload}, and it takes "
            f"{needed}: run again with more --rounds.{because}"
        )


def verdict_on(
    claim: Claim,
    test: ClaimTest,
    outcome: Outcome,
    *,
    sentence: str,
    why: str,
    figures: tuple[Figure, ...] = (),
    standing: Standing | None = None,
) -> Verdict:
    """Return the verdict of a test, as of the arrangement that the claim is judged on."""
    return Verdict(
        claim=claim.id,
        number=claim.number,
        subject=test.subject,
        arrangement=test.arrangement,
        workload=test.workload,
        headline=True,
        outcome=outcome,
        figures=figures,
        sentence=sentence,
        why=why,
        # The figures may be precise enough for the claim, and too coarse to tell the sides apart.
        standing="undecided" if standing == "refused" != outcome else standing,
    )


def placebo_pairs(run: Run) -> list[tuple[ValidTrial, ValidTrial]]:
    """Return each valid placebo trial with its contender's ordinary trial of the same round."""
    placebos = trials.valid_trials(trial for trial in run.trials if trial.placebo and trial.load.rate_per_s is None)
    ordinary = {
        _place(first.trial): first for first in trials.valid_trials(trial for trial in run.trials if not trial.placebo)
    }
    return [(again, ordinary[key]) for again in placebos if (key := _place(again.trial)) in ordinary]


def _place(trial: Trial) -> tuple[str, str, int, int]:
    return trial.contender, trial.workload, trial.round, trial.block


def _judge_placebo(run: Run, pairs: Pairs, rate: Estimate | None) -> tuple[str | None, str | None]:
    """Return why verdicts are withheld, and what to note, of each placebo trial over the ordinary one of its round.

    The A/A comparison fails if the interval excludes 1 and the ratio is outside the margin: the difference is both
    detected and large enough to matter.
    """
    if not pairs and any(trial.placebo and trial.load.rate_per_s is not None for trial in run.trials):
        return None, "A/A was not judged: it compares rates, which are equal by definition if they are given."
    if rate is None:
        return None, "No A/A comparison was run, so the difference between two equal things is unknown."
    told = f"{pairs[0][0].trial.contender} against itself came out {wording.ratio(rate)}"
    if len(pairs) < MINIMUM_ROUNDS:
        return None, f"A/A was not judged: {told} in one round, and it takes {MINIMUM_ROUNDS}."
    if is_equal(rate, run.plan.margin):
        return None, None
    band = f"±{wording.percent(run.plan.margin)}"
    least, most = equal_band(run.plan.margin)
    if excludes_one(rate) and not least <= rate.value <= most:
        failed = (
            f"The A/A comparison failed: {told}, outside {band}, though it is the same thing twice. Something else "
            "moves the figures by as much: stop what else runs on this machine and run again, with more --rounds."
        )
        return failed, None
    note = f"A/A: {told}; equality within {band} is not shown, so differences as small as that may be chance here."
    return None, note
