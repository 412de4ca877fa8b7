"""The exercises: their numbers, their names, and their tasks."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import InvalidValueError, LabError

TASKS = Path(__file__).with_name("tasks")
_GIVEN = TASKS / "given"
_LIKENESS = 0.4


@dataclass(frozen=True, slots=True)
class Exercise:
    """One task.

    Attributes:
        number: From 1.
        name: For commands: ``make-it-async``.
        title: The task in one line.
        lesson: Number of the lesson that it belongs to.
        minutes: Time that it takes after the lesson, roughly.
        answers: Files to work on; a solution replaces these and no others.
        given: Files of ``tasks/given`` that its folder has too.
    """

    number: int
    name: str
    title: str
    lesson: int
    minutes: int
    answers: tuple[str, ...] = ("app.py",)
    given: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Number and name: ``07-make-it-async``."""
        return f"{self.number:02}-{self.name}"

    @property
    def check(self) -> str:
        """The module of ``benchmarks.exercises.checks`` that tries its answers."""
        return self.name.replace("-", "_")

    @property
    def home(self) -> Path:
        """Where its files are kept."""
        return TASKS / self.label

    def starting_files(self) -> dict[str, Path]:
        """Return the files of the starting state: names in the folder, and where each is copied from."""
        own = {path.name: path for path in sorted((self.home / "start").iterdir()) if path.is_file()}
        return {"task.md": self.home / "task.md", **own, **{name: _GIVEN / name for name in self.given}}

    def start_in(self, folder: Path, *, force: bool) -> list[Path]:
        """Copy the starting state into a folder.

        Args:
            folder: The folder; created if it does not exist.
            force: Overwrite existing files. Files that are not the exercise's are never touched.
        Returns:
            The files that were written.
        Raises:
            LabError: A file exists already, or cannot be written.
        """
        files = self.starting_files()
        there = [name for name in files if (folder / name).exists()]
        if there and not force:
            raise LabError(
                f"{folder} holds {', '.join(there)} already. Go on with it (lab exercise check {self.number}), take "
                "another folder (--into FOLDER), or start again with --force, which writes over what you did."
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
        """Return why the solution works, in Markdown."""
        return (self.home / "explanation.md").read_text(encoding="utf-8")

    def solution_files(self) -> dict[str, str]:
        """Return the text of each file of the solution, by its name in the folder."""
        return {name: (self.home / "solution" / name).read_text(encoding="utf-8") for name in self.answers}


_DEPENDENCY = ("dependency.py",)

EXERCISES = (
    Exercise(1, "declare-the-contract", "Declare what this endpoint takes and answers", 1, 15),
    Exercise(
        2,
        "complete-the-docs",
        "Complete the documentation, in Flask and in FastAPI",
        2,
        15,
        answers=("flask_service.py", "fastapi_service.py"),
    ),
    Exercise(
        3, "errors-are-not-throughput", "Make this loader count answers, not errors", 3, 20, answers=("loader.py",)
    ),
    Exercise(4, "which-verdict-is-wrong", "Read this report: which verdict is wrong?", 4, 10, answers=("answer.toml",)),
    Exercise(
        5,
        "find-the-blocking-call",
        "Find the call that blocks the event loop, and let it block no more",
        5,
        15,
        answers=("audit.py",),
        given=_DEPENDENCY,
    ),
    Exercise(6, "size-the-pool", "Size threads and connections by Little's law", 6, 10, answers=("answer.toml",)),
    Exercise(7, "make-it-async", "Make this endpoint async, so that a wait holds no thread", 7, 10, given=_DEPENDENCY),
    Exercise(8, "keep-the-context", "Take the request's context along into a thread", 7, 15, given=_DEPENDENCY),
    Exercise(
        9,
        "concurrent-readiness",
        "Ask three dependencies at once instead of one after another",
        8,
        15,
        given=_DEPENDENCY,
    ),
    Exercise(
        10, "time-out-the-gather", "Give each dependency its time, and lose no other's answer", 8, 20, given=_DEPENDENCY
    ),
    Exercise(11, "stop-starving-the-loop", "Compute for long, and keep the others answered", 8, 15),
    Exercise(12, "fix-the-shared-pool", "Give each event loop the connections that belong to it", 8, 25),
)


def find(word: str) -> Exercise:
    """Return an exercise by its number, its name, or both.

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
