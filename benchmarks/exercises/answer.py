"""Loads an answer: modules and TOML of the exercise's folder, with errors that name the line."""

from __future__ import annotations

import importlib
import inspect
import sys
import tomllib
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from werkzeug.exceptions import HTTPException

from benchmarks.exercises.finding import AnswerError


def load_module(folder: Path, name: str) -> ModuleType:
    """Import a module of the folder, which may import its neighbours.

    Raises:
        AnswerError: It is missing, or importing it raises.
    """
    if not (folder / f"{name}.py").is_file():
        raise AnswerError("missing-file", f"There is no {name}.py in the folder. `lab exercise start` puts it there.")
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(name)
    except SyntaxError as error:
        place = f"{Path(error.filename or name).name}, line {error.lineno}"
        raise AnswerError("does-not-import", f"Python cannot read {place}: {error.msg}.") from error
    # Invalid settings end a process by SystemExit.
    except (Exception, SystemExit) as error:
        raise AnswerError(
            "does-not-import", f"Importing {name}.py raises {told(error)}{last_place(error, folder)}."
        ) from error


def member(module: ModuleType, name: str) -> Any:
    """Return a module's attribute.

    Raises:
        AnswerError: It has none with this name.
    """
    if not hasattr(module, name):
        raise AnswerError(
            "missing-name",
            f"{module.__name__}.py has no `{name}` any more. The check uses that name: keep it, and change its value.",
        )
    return getattr(module, name)


def view_of(app: Any, path: str) -> Any:
    """Return the function that answers a GET; of a class, its method.

    Raises:
        AnswerError: The app has no route for it.
    """
    try:
        endpoint, _ = app.url_map.bind("localhost").match(path)
    except HTTPException as error:
        raise AnswerError("missing-route", f"Nothing answers GET {path} any more. Keep its route.") from error
    view = app.view_functions[endpoint]
    view_class = getattr(view, "view_class", None)
    return inspect.unwrap(view if view_class is None else getattr(view_class, "get", view_class.dispatch_request))


def raised_by(app: Any, path: str) -> Exception | None:
    """Return the exception that a GET raises, which Flask hides from clients; ``None`` when it raises none."""
    app.config["PROPAGATE_EXCEPTIONS"] = True
    try:
        app.test_client().get(path)
    except Exception as error:  # noqa: BLE001 - whatever it is, the view raised it
        return error
    finally:
        app.config["PROPAGATE_EXCEPTIONS"] = None
    return None


def load_toml(folder: Path, name: str) -> dict[str, Any]:
    """Read a TOML file of the folder.

    Raises:
        AnswerError: It is missing, or is not TOML.
    """
    try:
        return tomllib.loads((folder / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AnswerError(
            "missing-file", f"There is no {name} in the folder. `lab exercise start` puts it there."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AnswerError("not-toml", f"{name} cannot be read: {error}.") from error


def told(error: BaseException | None) -> str:
    """Return the kind of an error and its message."""
    words = str(error)
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def last_place(error: BaseException, folder: Path) -> str:
    """Return the last line of the folder in an error's traceback, as the end of a sentence; empty if it has none."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).parent == folder]
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
