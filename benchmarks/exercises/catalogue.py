"""The exercises: their numbers, their names, and what each asks."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import InvalidValueError, LabError

TASKS = Path(__file__).with_name("tasks")
_GIVEN = TASKS / "given"
_LIKENESS = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Exercise:
    """One task.

    Attributes:
        number: From 1.
        name: As a command takes it: ``make-it-async``.
        title: The task in one line.
        lesson: Number of the lesson that it belongs to.
        minutes: How long it takes somebody who has had the lesson, about.
        check: Module of ``benchmarks.exercises.checks`` that judges it.
        answers: Files that are worked on; a solution replaces these and no others.
        given: Files of ``tasks/given`` that the folder has beside its own.
    """

    number: int
    name: str
    title: str
    lesson: int
    minutes: int
    check: str
    answers: tuple[str, ...] = ("app.py",)
    given: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Number and name: ``07-make-it-async``."""
        return f"{self.number:02}-{self.name}"

    @property
    def home(self) -> Path:
        """Where its files are kept."""
        return TASKS / self.label

    def starting_files(self) -> dict[str, Path]:
        """Return what the starting state is made of: names in the folder, and where each is copied from."""
        own = {path.name: path for path in sorted((self.home / "start").iterdir()) if path.is_file()}
        return {"task.md": self.home / "task.md", **own, **{name: _GIVEN / name for name in self.given}}

    def start_in(self, folder: Path, *, force: bool) -> list[Path]:
        """Copy the starting state into a folder of whoever works on it.

        Args:
            folder: Where to; made when it is not there.
            force: Write over files that are there. Files that are not the exercise's stay in any case.
        Returns:
            What was written.
        Raises:
            LabError: Something is there already, or it cannot be written.
        """
        files = self.starting_files()
        there = [name for name in files if (folder / name).exists()]
        if there and not force:
            raise LabError(
                f"{folder} holds {', '.join(there)} already. Go on with it (lab exercise check {self.number}), take "
                "another folder (--into FOLDER), or begin anew with --force, which writes over what you did."
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, source in files.items():
                (folder / name).write_bytes(source.read_bytes())
        except OSError as error:
            raise LabError(
                f"Cannot write {folder}: {error.strerror or error}. Take another folder: --into FOLDER."
            ) from error
        return [folder / name for name in files]

    def explanation(self) -> str:
        """Return why the solution is one, in Markdown."""
        return (self.home / "explanation.md").read_text(encoding="utf-8")

    def solution_files(self) -> dict[str, str]:
        """Return the text of each file of the solution, by its name in the folder."""
        return {name: (self.home / "solution" / name).read_text(encoding="utf-8") for name in self.answers}


_DEPENDENCY = ("dependency.py",)

EXERCISES = (
    Exercise(
        number=1,
        name="declare-the-contract",
        title="Declare what this endpoint takes and answers",
        lesson=1,
        minutes=15,
        check="declare_the_contract",
    ),
    Exercise(
        number=2,
        name="complete-the-docs",
        title="Complete the documentation, in Flask and in FastAPI",
        lesson=2,
        minutes=15,
        check="complete_the_docs",
        answers=("flask_service.py", "fastapi_service.py"),
    ),
    Exercise(
        number=3,
        name="errors-are-not-throughput",
        title="Make this loader count answers, not errors",
        lesson=3,
        minutes=20,
        check="errors_are_not_throughput",
        answers=("loader.py",),
    ),
    Exercise(
        number=4,
        name="which-verdict-is-wrong",
        title="Read this report: which verdict is wrong?",
        lesson=4,
        minutes=10,
        check="which_verdict_is_wrong",
        answers=("answer.toml",),
    ),
    Exercise(
        number=5,
        name="find-the-blocking-call",
        title="Find the call that blocks the event loop, and let it block no more",
        lesson=5,
        minutes=15,
        check="find_the_blocking_call",
        answers=("audit.py",),
        given=_DEPENDENCY,
    ),
    Exercise(
        number=6,
        name="size-the-pool",
        title="Size threads and connections by Little's law",
        lesson=6,
        minutes=10,
        check="size_the_pool",
        answers=("answer.toml",),
    ),
    Exercise(
        number=7,
        name="make-it-async",
        title="Make this endpoint async, so that a wait holds no thread",
        lesson=7,
        minutes=10,
        check="make_it_async",
        given=_DEPENDENCY,
    ),
    Exercise(
        number=8,
        name="keep-the-context",
        title="Take the request's context along into a thread",
        lesson=7,
        minutes=15,
        check="keep_the_context",
        given=_DEPENDENCY,
    ),
    Exercise(
        number=9,
        name="concurrent-readiness",
        title="Ask three dependencies at once instead of one after another",
        lesson=8,
        minutes=15,
        check="concurrent_readiness",
        given=_DEPENDENCY,
    ),
    Exercise(
        number=10,
        name="time-out-the-gather",
        title="Give each dependency its time, and lose no other's answer",
        lesson=8,
        minutes=20,
        check="time_out_the_gather",
        given=_DEPENDENCY,
    ),
    Exercise(
        number=11,
        name="stop-starving-the-loop",
        title="Compute for long, and keep the others answered",
        lesson=8,
        minutes=15,
        check="stop_starving_the_loop",
    ),
    Exercise(
        number=12,
        name="fix-the-shared-pool",
        title="Give each event loop the connections that belong to it",
        lesson=8,
        minutes=25,
        check="fix_the_shared_pool",
    ),
)


def find(word: str) -> Exercise:
    """Return the exercise that a word means: its number, its name, or both.

    Raises:
        InvalidValueError: There is none.
    """
    for exercise in EXERCISES:
        if word in (exercise.name, exercise.label) or (word.isdecimal() and int(word) == exercise.number):
            return exercise
    told = f"No exercise is called {word!r}"
    number, _, name = word.partition("-")
    if word.isdecimal():
        raise InvalidValueError(f"{told}: they are numbered 1 to {len(EXERCISES)}. `lab exercise list` names them.")
    near = [each.name for each in EXERCISES if number.isdecimal() and int(number) == each.number]
    near = near or difflib.get_close_matches(
        name if number.isdecimal() else word, [each.name for each in EXERCISES], n=1, cutoff=_LIKENESS
    )
    raise InvalidValueError(f"{told}. " + (f"Did you mean {near[0]}?" if near else "`lab exercise list` names them."))
