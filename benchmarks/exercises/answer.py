"""Loads what somebody answered: modules and TOML of the exercise's folder, with errors that name the line."""

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
    """Import a module of the folder, with its neighbours in reach.

    Raises:
        AnswerError: It is not there, or importing it raises.
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
    # Settings that are not allowed end a process by SystemExit.
    except (Exception, SystemExit) as error:
        raise AnswerError(
            "does-not-import", f"Importing {name}.py raises {told(error)}{last_place(error, folder)}."
        ) from error


def member(module: ModuleType, name: str) -> Any:
    """Return what a module calls so.

    Raises:
        AnswerError: It calls nothing so.
    """
    if not hasattr(module, name):
        raise AnswerError(
            "missing-name",
            f"{module.__name__}.py has no `{name}` any more. The check uses that name: keep it, change what it is.",
        )
    return getattr(module, name)


def view_of(app: Any, path: str) -> Any:
    """Return the function that answers a GET, whatever it is called; of a class, its method.

    Raises:
        AnswerError: The app has no route for it.
    """
    try:
        endpoint, _ = app.url_map.bind("localhost").match(path)
    except HTTPException as error:
        raise AnswerError("missing-route", f"Nothing answers GET {path} any more. Its route is to stay.") from error
    view = app.view_functions[endpoint]
    view_class = getattr(view, "view_class", None)
    return inspect.unwrap(view if view_class is None else getattr(view_class, "get", view_class.dispatch_request))


def raised_by(app: Any, path: str) -> Exception | None:
    """Return what answering a GET raises, for Flask tells a client nothing of it; ``None`` when it raises nothing."""
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
        AnswerError: It is not there, or is no TOML.
    """
    try:
        return tomllib.loads((folder / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AnswerError(
            "missing-file", f"There is no {name} in the folder. `lab exercise start` puts it there."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AnswerError("not-toml", f"{name} cannot be read: {error}.") from error


def told(error: BaseException) -> str:
    """Return the kind of an error and its words."""
    words = str(error)
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def last_place(error: BaseException, folder: Path) -> str:
    """Return where an error left the folder's own code, as the end of a sentence; empty when it was never there."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).parent == folder]
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
