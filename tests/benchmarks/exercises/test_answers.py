"""Every exercise judges what is in its folder by what it does: the start, the solution, and typical wrong answers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.exercises import folder as folders
from benchmarks.exercises.catalogue import EXERCISES, Exercise
from benchmarks.exercises.judging import Judged, judge_answer

AT_ONCE = 4
"""A wrong answer is often one that makes its client wait, so processes need not have a core each."""


@dataclass(frozen=True)
class Case:
    """An exercise's starting state with some files put over it."""

    exercise: Exercise
    over: Path | None

    def __str__(self) -> str:
        return f"{self.exercise.label}/{self.over.name if self.over else 'start'}"

    def judge(self, folder: Path) -> Judged:
        """Lay the folder out, and have it judged."""
        folders.start(self.exercise, folder, force=False)
        if self.over is not None:
            shutil.copytree(self.over, folder, dirs_exist_ok=True)
        return judge_answer(self.exercise, folder)


STARTS = [Case(exercise, None) for exercise in EXERCISES]
SOLUTIONS = [Case(exercise, exercise.home / "solution") for exercise in EXERCISES]
WRONG = [Case(exercise, path) for exercise in EXERCISES for path in exercise.wrong_answers]

Judging = dict[Case, Future[Judged]]


@pytest.fixture(scope="module")
def judging(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judging]:
    """Judge the answers of all tests that were chosen, a few at a time: each is mostly a process that starts."""
    functions = [item for item in request.session.items if isinstance(item, pytest.Function)]
    parameters = [item.callspec.params["case"] for item in functions if item.module is request.module]
    chosen = [case for case in parameters if isinstance(case, Case)]
    root = tmp_path_factory.mktemp("exercises")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {case: pool.submit(case.judge, root / str(case).replace("/", "-")) for case in chosen}


@pytest.mark.parametrize("case", STARTS, ids=str)
def test_the_starting_state_fails_its_check(case: Case, judging: Judging) -> None:
    """There is something to do, and a hint for it."""
    judged = judging[case].result()

    assert not judged.solved
    assert judged.findings[-1].hint
    assert "does-not-end" != judged.findings[-1].cause


@pytest.mark.parametrize("case", SOLUTIONS, ids=str)
def test_the_solution_passes(case: Case, judging: Judging) -> None:
    """Every finding of it."""
    judged = judging[case].result()

    assert [] == [finding for finding in judged.findings if not finding.passed], judged.output
    assert judged.solved


@pytest.mark.parametrize("case", WRONG, ids=str)
def test_a_typical_wrong_answer_gets_the_hint_that_names_its_cause(case: Case, judging: Judging) -> None:
    """The folder of a wrong answer is called by its cause."""
    judged = judging[case].result()
    last = judged.findings[-1]

    assert case.over is not None
    assert case.over.name == last.cause, (judged.findings, judged.output)
    assert last.hint
    assert len(last.hint) > 40
