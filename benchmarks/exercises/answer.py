"""An answer: what is loaded of its folder, with errors that name the line, and what a check finds in it."""

from __future__ import annotations

import importlib
import inspect
import sys
import tomllib
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from werkzeug.exceptions import HTTPException

from benchmarks.exercises.catalogue import Exercise


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was tested.

    Attributes:
        what: In words.
        passed: Whether it went well.
        cause: Short name of what is wrong; ``None`` when it went well.
        hint: What to know for the next try; ``None`` when it went well.
    """

    what: str
    passed: bool
    cause: str | None = None
    hint: str | None = None


def failed(what: str, cause: str, hint: str) -> Finding:
    """Return the finding of something that did not go well; a check ends with it."""
    return Finding(what=what, passed=False, cause=cause, hint=hint)


ENDS = "The check comes to its end"
"""What is tested of every answer."""


class AnswerError(Exception):
    """The folder contains nothing that could be tried.

    Attributes:
        cause: Short name of what is wrong.
        hint: What to do.
    """

    def __init__(self, cause: str, hint: str) -> None:
        super().__init__(hint)
        self.cause = cause
        self.hint = hint


class Answer:
    """The answer to an exercise that is in a folder.

    Args:
        exercise: The exercise.
        folder: With the answer.
    """

    def __init__(self, exercise: Exercise, folder: Path) -> None:
        self.exercise = exercise
        self._folder = folder

    def found(self, name: str, faults: Mapping[str, bool], /, **values: object) -> Finding:
        """Return the finding of something that was tested. A check ends with the first that did not go well.

        Args:
            name: Of the finding, in the exercise's ``task.toml``.
            faults: What can be wrong, by the cause of its hint there: the first one that is wrong is reported.
            values: For the words, which are in the form of ``str.format``.
        """
        words = {**self.exercise.hints, **self.exercise.findings[name]}
        told = {key: words[key].format(**values) for key in ("what", *faults)}
        for key, is_wrong in faults.items():
            if is_wrong:
                return failed(told["what"], key.partition(": ")[0], told[key])
        return Finding(what=told["what"], passed=True)

    def load(self, module: str, name: str) -> Any:
        """Import a module of the folder, which may import its neighbours, and return an attribute of it.

        Raises:
            AnswerError: It is missing or has no such attribute, or importing it raises.
        """
        self._check_file(f"{module}.py")
        if str(self._folder) not in sys.path:
            sys.path.insert(0, str(self._folder))
        try:
            loaded = importlib.import_module(module)
        except SyntaxError as error:
            place = f"{Path(error.filename or module).name}, line {error.lineno}"
            raise AnswerError("does-not-import", f"Python cannot read {place}: {error.msg}.") from error
        # Invalid settings end a process by SystemExit.
        except (Exception, SystemExit) as error:
            place = last_place(error, self._folder)
            raise AnswerError("does-not-import", f"Importing {module}.py raises {told(error)}{place}.") from error
        if not hasattr(loaded, name):
            raise AnswerError(
                "missing-name",
                f"{module}.py has no `{name}` any more. The check uses that name: keep it, and change its value.",
            )
        return getattr(loaded, name)

    def is_async(self, path: str) -> bool:
        """Return whether what answers a GET is an ``async def`` function; of a class, its method.

        Raises:
            AnswerError: The app has no route for it.
        """
        app = self.load("app", "app")
        try:
            endpoint, _ = app.url_map.bind("localhost").match(path)
        except HTTPException as error:
            raise AnswerError("missing-route", f"Nothing answers GET {path} any more. Keep its route.") from error
        view = app.view_functions[endpoint]
        if view_class := getattr(view, "view_class", None):
            view = getattr(view_class, "get", view_class.dispatch_request)
        return inspect.iscoroutinefunction(inspect.unwrap(view))

    def raised(self, path: str) -> Exception | None:
        """Return the exception that a GET raises, which Flask hides from clients; ``None`` when it raises none."""
        app = self.load("app", "app")
        app.config["PROPAGATE_EXCEPTIONS"] = True
        try:
            app.test_client().get(path)
        except Exception as error:  # noqa: BLE001 - whatever it is, the view raised it
            return error
        finally:
            app.config["PROPAGATE_EXCEPTIONS"] = None
        return None

    def written(self) -> dict[str, Any]:
        """Return what ``answer.toml`` says.

        Raises:
            AnswerError: It is missing, or is not TOML.
        """
        self._check_file("answer.toml")
        try:
            return tomllib.loads((self._folder / "answer.toml").read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise AnswerError("not-toml", f"answer.toml cannot be read: {error}.") from error

    def _check_file(self, name: str) -> None:
        if not (self._folder / name).is_file():
            raise AnswerError("missing-file", f"There is no {name} in the folder. `lab exercise start` puts it there.")


def told(error: BaseException | None) -> str:
    """Return the kind of an error and its message."""
    words = str(error)
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def last_place(error: BaseException, folder: Path) -> str:
    """Return the last line of the folder in an error's traceback, as the end of a sentence; empty if it has none."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).parent == folder]
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
