"""The exercises: their numbers, their names, and their tasks, each a folder of ``tasks/`` with its facts and words."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.errors import InvalidValueError, LabError, did_you_mean

TASKS = Path(__file__).with_name("tasks")
_GIVEN = TASKS / "given"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exercise:
    """One task, as its folder and the ``task.toml`` in it say.

    Attributes:
        number: From 1.
        name: For commands: ``make-it-async``.
        title: The task in one line.
        lesson: Number of the lesson that it belongs to.
        minutes: Time that it takes after the lesson, roughly.
        check: The module of ``benchmarks.exercises.checks`` that tries its answers, in a function of its name.
        answers: Files to work on; a solution replaces these and no others.
        given: Files of ``tasks/given`` that its folder has too.
        findings: What its check tests: by a name, ``what`` in words, and a hint by each cause. Where one cause has two
            hints, a colon and more words follow it.
        hints: Those that several findings share, by cause.
    """

    number: int
    name: str
    title: str
    lesson: int
    minutes: int
    check: str
    answers: tuple[str, ...] = ("app.py",)
    given: tuple[str, ...] = ()
    findings: Mapping[str, Mapping[str, str]] = field(hash=False, repr=False)
    hints: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)

    @property
    def label(self) -> str:
        """Number and name: ``07-make-it-async``."""
        return f"{self.number:02}-{self.name}"

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


def _read(facts: Path) -> Exercise:
    number, _, name = facts.parent.name.partition("-")
    read = tomllib.loads(facts.read_text(encoding="utf-8"))
    files: dict[str, Any] = {key: tuple(read.pop(key)) for key in ("answers", "given") if key in read}
    return Exercise(number=int(number), name=name, **read, **files)


EXERCISES = tuple(map(_read, sorted(TASKS.glob("*/task.toml"))))


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
    numbered = [each.name for each in EXERCISES if number.isdecimal() and int(number) == each.number]
    if numbered:
        near = f" Did you mean {numbered[0]}?"
    else:
        near = did_you_mean(name if number.isdecimal() else word, [each.name for each in EXERCISES])
    raise InvalidValueError(f"{told}.{near or ' `lab exercise list` names them.'}")
