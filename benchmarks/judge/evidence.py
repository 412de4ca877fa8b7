"""The evidence in a run: its comparisons, its A/A comparison, and why something in it cannot be judged."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from benchmarks.judge import trials, wording
from benchmarks.judge.claims import Claim, ClaimTest
from benchmarks.judge.comparison import Pairs, compare, equal_band, is_equal, paired, ratio
from benchmarks.judge.judgement import CONFIDENCE, Comparison, Estimate, Figure, Outcome, Standing, Summary, Verdict
from benchmarks.judge.measures import summarise
from benchmarks.judge.statistics import REPEATED_LOOKS_CONFIDENCE, excludes_one
from benchmarks.judge.trials import ValidTrial, participants
from benchmarks.model import Contender, Run, Variant, Workload

MINIMUM_ROUNDS = 2
"""Fewer have no interval."""


class RefusedError(Exception):
    """This run cannot judge; the message is the reason and what to do about it."""


class Evidence:
    """One run, ready to be judged.

    Attributes:
        run: Whole.
        margin: Half-width of what counts as equal; by default the plan's.
        ceilings_per_s: The loader's rate on each bare server, by contender id.
        ceiling_per_s: The highest of these; ``None`` if the loader was not calibrated.
        placebo: The A/A ratio: a second trial's rate over the first's; ``None`` if the run has no pair.
        placebo_failed: Why measured verdicts are withheld; ``None`` if they are not.
        placebo_note: What the reader must know of the A/A comparison; ``None`` if it came out equal, or failed.
    """

    def __init__(self, run: Run, margin: float | None = None) -> None:
        self.run = run
        self.margin = margin = run.plan.margin if margin is None else margin
        self.ceilings_per_s = trials.ceilings(run.calibration)
        self.ceiling_per_s = trials.ceiling(self.ceilings_per_s)
        pairs = placebo_pairs(run)
        self.placebo = ratio(pairs, "rate")
        self.placebo_failed, self.placebo_note = _judge_placebo(run, pairs, self.placebo, margin)
        self._valid: dict[tuple[str, str], tuple[ValidTrial, ...]] = {}
        self._summaries: dict[tuple[str, str], Summary] = {}

    @property
    def confidence(self) -> float:
        """Of the intervals of ratios: higher where the run looked after every round whether to stop."""
        return CONFIDENCE if self.run.plan.precision is None else REPEATED_LOOKS_CONFIDENCE

    def find_if_there(self, framework: str, variant: Variant, serving: str, workload: str) -> Contender | None:
        """Return the contender that took part under a workload, or ``None``."""
        for contender in participants(self.run, workload):
            if (contender.framework, contender.variant, contender.serving) == (framework, variant, serving):
                return contender
        return None

    def find(self, framework: str, variant: Variant, serving: str, workload: str) -> Contender:
        """Return the contender that took part under a workload.

        Raises:
            RefusedError: It did not.
        """
        contender = self.find_if_there(framework, variant, serving, workload)
        if contender is None:
            name = f"{framework}-{variant}@{serving}"
            raise RefusedError(
                f"{name} was not in this run under the workload {workload}: add it with --contender {name}."
            )
        return contender

    def servings(self, framework: str, workload: str) -> tuple[str, ...]:
        """Return the servings of a framework that took part under a workload, in the order of the plan."""
        contenders = [contender for contender in participants(self.run, workload) if contender.framework == framework]
        return tuple(dict.fromkeys(contender.serving for contender in contenders if contender.variant is not None))

    def asks(self, workload: str) -> bool:
        """Say whether the run has a workload; a test that names none needs none."""
        return not workload or self._planned(workload) is not None

    def wait_ms(self, workload: str, variant: str | None = "async") -> float:
        """Return how long a view of a workload waits, milliseconds; 0 for one that is not in the plan."""
        planned = self._planned(workload)
        return 0.0 if planned is None else planned.wait_ms_in("sync" if variant == "sync" else "async")

    def waits(self, workload: str) -> int:
        """Return the number of dependencies that a view of a workload waits for."""
        planned = self._planned(workload)
        return 0 if planned is None or not planned.wait_ms else planned.waits

    def like(self, workload: str) -> tuple[str, ...]:
        """Return the other workloads that ask the same of a view, over fewer or more connections."""
        planned = self._planned(workload)
        return tuple(
            other.name
            for other in self.run.plan.workloads
            if planned is not None and other.path == planned.path and other.name != workload
        )

    def _planned(self, workload: str) -> Workload | None:
        return next((planned for planned in self.run.plan.workloads if planned.name == workload), None)

    def valid(self, contender: Contender, workload: str) -> tuple[ValidTrial, ...]:
        """Return a contender's trials that count, without the placebo's; cached."""
        key = (contender.id, workload)
        if key not in self._valid:
            self._valid[key] = trials.valid_trials(trials.ordinary_trials(self.run, *key))
        return self._valid[key]

    def summary(self, contender: Contender, workload: str) -> Summary:
        """Summarise a contender under a workload; cached."""
        key = (contender.id, workload)
        if key not in self._summaries:
            self._summaries[key] = summarise(self.run, contender, workload, self.ceiling_per_s)
        return self._summaries[key]

    def summaries(self) -> tuple[Summary, ...]:
        """Summarise every contender under every workload in which it took part."""
        return tuple(
            self.summary(contender, workload.name)
            for workload in self.run.plan.workloads
            for contender in participants(self.run, workload.name)
        )

    def timed(self, contender: Contender, workload: str) -> tuple[ValidTrial, ...]:
        """Return a contender's valid trials, whose rates and latencies may be judged.

        Raises:
            RefusedError: The placebo failed, there are too few, or the loader had no head-room.
        """
        valid = self.valid(contender, workload)
        self._refuse(self._given_rate(workload) or self._untimed(len(valid), valid, (contender,), workload))
        return valid

    def compare(
        self, above: Contender, below: Contender, workload: str, *, headline: bool = False, narrows: bool = False
    ) -> Comparison:
        """Compare two contenders, as far as this run can judge them.

        Args:
            above: The numerator.
            below: The denominator.
            workload: Under which.
            headline: Whether a claim is judged on it.
            narrows: Whether to include how the interval narrowed, round after round.
        """
        numerators, denominators = self.valid(above, workload), self.valid(below, workload)
        doubts = [doubt for contender in (above, below) if (doubt := self.summary(contender, workload).doubt)]
        refusal = " ".join(doubts) or self._untimed_pairs(above, below, workload)
        compared = compare(
            numerators,
            denominators,
            Comparison(
                above=above.id,
                below=below.id,
                workload=workload,
                arrangement=above.arrangement if above.arrangement == below.arrangement else "",
                framework=above.framework if above.framework == below.framework else "",
                headline=headline,
                decides="latency_p95" if self.run.plan.is_open(workload) else "rate",
                refusal=refusal,
                narrowing=self._narrowing(paired(numerators, denominators)) if narrows else (),
            ),
            margin=self.margin,
            confidence=self.confidence,
        )
        # The latencies of a server that did not keep up measure its queue: no ratio is made of them.
        return dataclasses.replace(compared, latency_average=None, latency_p95=None) if doubts else compared

    def require(self, above: Contender, below: Contender, workload: str) -> Comparison:
        """Compare two contenders for a claim.

        Raises:
            RefusedError: The rate was given, the placebo failed, there are too few, or the loader had no head-room.
        """
        self._refuse(self._given_rate(workload) or self._untimed_pairs(above, below, workload))
        return self.compare(above, below, workload)

    def _untimed_pairs(self, above: Contender, below: Contender, workload: str) -> str | None:
        pairs = paired(self.valid(above, workload), self.valid(below, workload))
        return self._untimed(len(pairs), [valid for pair in pairs for valid in pair], (above, below), workload)

    def _narrowing(self, pairs: Pairs) -> tuple[Estimate, ...]:
        looks = (ratio(pairs[:rounds], "rate", self.confidence) for rounds in range(MINIMUM_ROUNDS, len(pairs) + 1))
        return tuple(estimate for estimate in looks if estimate is not None)

    def _refuse(self, reason: str | None) -> None:
        if reason is not None:
            raise RefusedError(reason)

    def _given_rate(self, workload: str) -> str | None:
        if not self.run.plan.is_open(workload):
            return None
        return (
            f"The workload {workload} was asked at a given rate: what a server can do is not seen then, nor its "
            "latency at its limit, which is what the tutorial compares. Run again without --rate."
        )

    def _untimed(
        self, count: int, valid: Sequence[ValidTrial], contenders: Sequence[Contender], workload: str
    ) -> str | None:
        """Say why trials may not be judged by their rates and latencies, or ``None``."""
        if count < MINIMUM_ROUNDS:
            return self.too_few(count, contenders, workload, MINIMUM_ROUNDS)
        if self.placebo_failed is not None:
            return self.placebo_failed
        reasons = [
            reason for trial in valid if (reason := trials.loader_bound_reason(trial, self.ceiling_per_s)) is not None
        ]
        if not reasons:
            return None
        return (
            f"Loader-bound in {len(reasons)} of {len(valid)} trials: {reasons[0]}. The figure may be the loader's, "
            "not the server's: give the loader a core of its own, on a quieter or larger machine."
        )

    def too_few(self, count: int, contenders: Sequence[Contender], workload: str, needed: int) -> str:
        """Say that too few rounds have valid trials, why, and what to do.

        Args:
            count: Of rounds that have.
            contenders: Whose trials are needed.
            workload: Under which.
            needed: Number of rounds.
        """
        names = " and ".join(contender.id for contender in contenders)
        void = [
            f"{contender.id}, {reason}" for contender in contenders for reason in self.summary(contender, workload).void
        ]
        because = f" Void: {'; '.join(void)}." if void else ""
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
    pairs: list[tuple[ValidTrial, ValidTrial]] = []
    for contender, workload in dict.fromkeys((valid.trial.contender, valid.trial.workload) for valid in placebos):
        again = [valid for valid in placebos if (valid.trial.contender, valid.trial.workload) == (contender, workload)]
        pairs.extend(paired(again, trials.valid_trials(trials.ordinary_trials(run, contender, workload))))
    return pairs


def _judge_placebo(run: Run, pairs: Pairs, rate: Estimate | None, margin: float) -> tuple[str | None, str | None]:
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
    if is_equal(rate, margin):
        return None, None
    band = f"±{wording.percent(margin)}"
    least, most = equal_band(margin)
    if excludes_one(rate) and not least <= rate.value <= most:
        failed = (
            f"The A/A comparison failed: {told}, outside {band}, though it is the same thing twice. Something else "
            "moves the figures by as much: stop what else runs on this machine and run again, with more --rounds."
        )
        return failed, None
    note = f"A/A: {told}; equality within {band} is not shown, so differences as small as that may be chance here."
    return None, note
