"""What a run offers to judge by, and why something in it cannot be judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.judge import trials, wording
from benchmarks.judge.judgement import Estimate, Figure, Outcome, Summary
from benchmarks.judge.summaries import participants, summarise
from benchmarks.judge.trials import ValidTrial
from benchmarks.model import Contender, Run, Variant, Workload

MINIMUM_ROUNDS = 2
"""Fewer have no interval."""


class RefusedError(Exception):
    """This run cannot judge; the message is the reason and what to do about it."""


def found(ratio: Estimate, margin: float, more: str, less: str) -> str:
    """Say in words what a ratio says of two.

    Args:
        ratio: With its interval.
        margin: Half-width of what counts as equal.
        more: See ``wording.size``.
        less: The same.
    Raises:
        RefusedError: Its figures are too coarse.
    """
    match wording.standing(ratio, margin):
        case "refused":
            raise RefusedError(wording.coarse(ratio))
        case "equal":
            return f"equal within ±{wording.percent(margin)}"
        case "undecided":
            return "no difference found, which is not the same as equal"
        case _:
            return wording.size(ratio.value, more, less)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a test found of one arrangement: the part of a verdict that depends on measurement."""

    outcome: Outcome
    figures: tuple[Figure, ...]
    sentence: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One run, ready to be judged.

    Attributes:
        run: Whole.
        margin: Half-width of what counts as equal.
        placebo_failed: Why measured verdicts are withheld; ``None`` when they are not.
        ceiling_per_s: The highest rate that the loader has shown; ``None`` when it was not calibrated.
    """

    run: Run
    margin: float
    placebo_failed: str | None
    ceiling_per_s: float | None

    @property
    def confidence(self) -> float:
        """Of the intervals of ratios in this run."""
        return trials.confidence(self.run)

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
        """Say whether the run asks a workload; a test that names none is of no workload in particular."""
        return not workload or self._planned(workload) is not None

    def wait_ms(self, workload: str, variant: str | None = "async") -> float:
        """Return how long a view of a workload waits, milliseconds; 0 for one that is not in the plan."""
        planned = self._planned(workload)
        return 0.0 if planned is None else planned.wait_ms_in("sync" if variant == "sync" else "async")

    def waits(self, workload: str) -> int:
        """Return for how many dependencies a view of a workload waits."""
        planned = self._planned(workload)
        return 0 if planned is None or not planned.wait_ms else planned.waits

    def like(self, workload: str) -> tuple[str, ...]:
        """Return the other workloads that ask the same of a view, by fewer connections or by more."""
        planned = self._planned(workload)
        return tuple(
            other.name
            for other in self.run.plan.workloads
            if planned is not None and other.path == planned.path and other.name != workload
        )

    def _planned(self, workload: str) -> Workload | None:
        return next((planned for planned in self.run.plan.workloads if planned.name == workload), None)

    def valid(self, contender: Contender, workload: str) -> tuple[ValidTrial, ...]:
        """Return a contender's trials that count, without the placebo's."""
        return trials.valid_trials(trials.ordinary_trials(self.run, contender.id, workload))

    def summary(self, contender: Contender, workload: str) -> Summary:
        """Summarise a contender under a workload."""
        return summarise(self.run, contender, workload)

    def timed(self, contender: Contender, workload: str) -> tuple[ValidTrial, ...]:
        """Return a contender's valid trials, whose rates and latencies may be judged.

        Raises:
            RefusedError: The placebo failed, there are too few, or the loader had no head-room.
        """
        valid = self.valid(contender, workload)
        self._refuse_unless_timed(len(valid), valid, (contender,), workload)
        return valid

    def pairs(self, above: Contender, below: Contender, workload: str) -> tuple[tuple[ValidTrial, ValidTrial], ...]:
        """Return the valid trials of two contenders in the rounds that both have, as ``timed`` does.

        Raises:
            RefusedError: The placebo failed, there are too few, or the loader had no head-room.
        """
        pairs = trials.paired(self.valid(above, workload), self.valid(below, workload))
        self._refuse_unless_timed(len(pairs), [valid for pair in pairs for valid in pair], (above, below), workload)
        return pairs

    def _refuse_unless_timed(
        self, count: int, valid: Sequence[ValidTrial], contenders: Sequence[Contender], workload: str
    ) -> None:
        if self.run.plan.is_open(workload):
            raise RefusedError(
                f"The workload {workload} was asked at a given rate: what a server can do is not seen then, nor its "
                "latency at its limit, which is what the tutorial compares. Run again without --rate."
            )
        if count < MINIMUM_ROUNDS:
            raise RefusedError(self.too_few(count, contenders, workload, MINIMUM_ROUNDS))
        if self.placebo_failed is not None:
            raise RefusedError(self.placebo_failed)
        reasons = [
            reason for trial in valid if (reason := trials.loader_bound_reason(trial, self.ceiling_per_s)) is not None
        ]
        if reasons:
            raise RefusedError(
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
