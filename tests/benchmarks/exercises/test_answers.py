"""Every exercise judges what is in its folder by what it does: the start, the solution, right answers and wrong ones.

The answers are in ``answers/``, one file of TOML an exercise. A list of pairs is the solution with each first text
replaced by its second. A text goes in place of the starting file's lines that ``places`` names: from the first that
begins so to the next that begins so, or to the end. It is the whole file where it begins with a docstring, or where the
file has no place. What an answer does not name is as in the solution.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from benchmarks.exercises.answer import Finding
from benchmarks.exercises.catalogue import EXERCISES, Exercise

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """An exercise's starting state with some files put over it.

    Attributes:
        exercise: Which.
        how: In words.
        cause: Of the hint that it gets; ``None`` when it is right.
        files: Texts by name.
    """

    exercise: Exercise
    how: str
    cause: str | None = None
    files: dict[str, str] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return f"{self.exercise.number:02} {self.cause or 'right'}: {self.how}"

    def begin(self, folder: Path) -> None:
        """Lay the folder out."""
        self.exercise.start_in(folder, force=False)
        for name, text in self.files.items():
            (folder / name).write_text(text, encoding="utf-8")


def answers_of(exercise: Exercise) -> Iterator[Case]:
    """Read the answers of one exercise."""
    read = tomllib.loads((HERE / "answers" / f"{exercise.name}.toml").read_text(encoding="utf-8"))
    for answer in read["right"] + read["wrong"]:
        texts = {name: text for name, text in answer.items() if name not in ("how", "cause")}
        places = read.get("places", {})
        files = {name: _whole(exercise, name, text, places.get(name)) for name, text in texts.items()}
        yield Case(exercise, answer["how"], answer.get("cause"), exercise.solution_files() | files)


def _whole(exercise: Exercise, name: str, text: str | list[list[str]], place: list[str] | None) -> str:
    if isinstance(text, list):
        whole = exercise.solution_files()[name]
        for old, new in text:
            assert 1 == whole.count(old), f"the solution's {name} has not once: {old}"
            whole = whole.replace(old, new)
        return whole
    if place is None or text.startswith('"""'):
        return text
    begun = exercise.starting_files()[name].read_text(encoding="utf-8")
    before, _, rest = begun.partition(f"\n{place[0]}")
    assert rest, f"{name} has no line that begins with {place[0]}"
    if not (until := place[1:]):
        return f"{before}\n{text}"
    _, found, after = rest.partition(f"\n{until[0]}")
    assert found, f"{name} has no line that begins with {until[0]}"
    return f"{before}\n{text}\n\n{until[0]}{after}"


STARTS = [Case(exercise, "the starting state", "nothing-done") for exercise in EXERCISES]
SOLUTIONS = [Case(exercise, "the solution", None, exercise.solution_files()) for exercise in EXERCISES]
ANSWERS = [case for exercise in EXERCISES for case in answers_of(exercise)]
RIGHT = SOLUTIONS + [case for case in ANSWERS if case.cause is None]
WRONG = [case for case in ANSWERS if case.cause is not None]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_an_exercise_has_been_tried_by_many_answers(exercise: Exercise) -> None:
    """Eight right ones that are written differently, and eight wrong ones of three causes or more."""
    right = [case for case in RIGHT if case.exercise == exercise and case not in SOLUTIONS]
    wrong = [case for case in WRONG if case.exercise == exercise]

    assert len(right) >= 8
    assert len(wrong) >= 8
    assert len({case.cause for case in wrong}) >= 3


Judging = dict[Case, Future[tuple[list[Finding], str]]]


@pytest.fixture(scope="module")
def judging(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judging]:
    """Judge the answers of all tests that were chosen, a few at a time."""
    functions = [item for item in request.session.items if isinstance(item, pytest.Function)]
    parameters = [item.callspec.params.get("case") for item in functions if item.module is request.module]
    chosen = [case for case in parameters if isinstance(case, Case)]
    root = tmp_path_factory.mktemp("exercises")
    judged: Judging = {}
    waiting: dict[str, Case] = {}
    jobs = []
    for number, case in enumerate(chosen):
        folder, out, log = root / str(number), root / f"{number}.json", root / f"{number}.log"
        case.begin(folder)
        judged[case], waiting[str(out)] = Future(), case
        jobs.append(json.dumps([case.exercise.name, str(folder), str(out), str(log)]))
    command = [sys.executable, str(HERE / "forking.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as forking:
        assert forking.stdin
        assert forking.stdout
        lines = forking.stdout

        def collect() -> None:
            for line in lines:
                out = Path(line.strip())
                judged[waiting[str(out)]].set_result(_read(out))

        collecting = threading.Thread(target=collect)
        collecting.start()
        forking.stdin.write("\n".join(jobs))
        forking.stdin.close()
        yield judged
        forking.kill()
        collecting.join()


def _read(out: Path) -> tuple[list[Finding], str]:
    found = json.loads(out.read_text(encoding="utf-8")) if out.exists() else []
    log = out.with_suffix(".log").read_text(encoding="utf-8", errors="replace")
    return [Finding(**each) for each in found], log[-3_000:]


@pytest.mark.parametrize("case", STARTS, ids=str)
def test_the_starting_state_fails_its_check(case: Case, judging: Judging) -> None:
    """There is something to do, and a hint for it."""
    findings, output = judging[case].result()

    assert findings, output
    assert findings[-1].hint
    assert "does-not-end" != findings[-1].cause


@pytest.mark.parametrize("case", RIGHT, ids=str)
def test_a_right_answer_passes_however_it_is_written(case: Case, judging: Judging) -> None:
    """The solution, and every other."""
    findings, output = judging[case].result()

    assert findings, output
    assert [] == [finding for finding in findings if not finding.passed], output


@pytest.mark.parametrize("case", WRONG, ids=str)
def test_a_wrong_answer_gets_the_hint_that_names_its_cause(case: Case, judging: Judging) -> None:
    """The first failure has the cause that the answer was written for."""
    findings, output = judging[case].result()

    assert findings, output
    last = findings[-1]
    assert case.cause == last.cause, (findings, output)
    assert last.hint
    assert len(last.hint) > 40
