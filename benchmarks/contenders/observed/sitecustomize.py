"""Notes in a server's own Python what runs while it answers: modules, event loop, garbage collector, versions.

Python imports this module by its name at every start, from a folder that the lab puts on the path of a server on which
nothing is timed. Python's profiling hook sees every call. Each process has a file in the folder that the environment
names, by its number, before it can answer anything. Two commands are a file there too: ``begin`` forgets what was seen,
``tell`` writes it. It runs on Python 3.8 or newer and on the standard library alone.
"""

import gc
import importlib.machinery
import importlib.util
import json
import os
import sys
import threading
import time
from importlib import metadata
from pathlib import Path
from typing import Any, Dict, Set  # noqa: UP035 (the oldest Python that an app may have)

_LOOK_S = 0.02
_seen: Set[str] = set()  # noqa: UP006 (the same)
_loops: Set[str] = set()  # noqa: UP006 (the same)


def _note(frame: Any, event: str, argument: Any) -> None:
    """Note the module of what is called, and the event loop of the thread that calls it."""
    if event == "call":
        name = frame.f_globals.get("__name__")
    elif event == "c_call":
        name = getattr(argument, "__module__", None) or type(getattr(argument, "__self__", None)).__module__
    else:
        return
    if isinstance(name, str) and name not in _seen:
        _seen.add(name)
        # Not asyncio's own function, which would be seen again.
        loop = getattr(sys.modules.get("_asyncio"), "_get_running_loop", lambda: None)()
        if loop is not None:
            _loops.add(type(loop).__module__.partition(".")[0])


def _told() -> Dict[str, Any]:  # noqa: UP006 (the same)
    """Return what was seen, and what there is to know of this Python."""
    versions = {}
    for name in {name.partition(".")[0] for name in list(_seen)}:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            # Of the standard library, or the app's own.
            continue
    files = {}
    for name, module in list(sys.modules.items()):
        try:
            file = module.__file__
        except Exception:  # noqa: BLE001, S112 - some import something else when they are looked at
            continue
        if isinstance(file, str):
            files[name] = file
    return {
        "modules": sorted(_seen),
        "files": files,
        "path": sys.path,
        "prefix": sys.prefix,
        "versions": versions,
        "loops": sorted(_loops),
        "collector": {"enabled": gc.isenabled(), "every": gc.get_threshold()[0], "frozen": gc.get_freeze_count()},
        "python": sys.version,
    }


def _obey(folder: Path) -> None:
    """Do what the file in the folder says, for as long as the process lives; unseen, also after a fork."""
    sys.setprofile(None)
    done = 0
    while True:
        time.sleep(_LOOK_S)
        try:
            number, word = (folder / "command").read_text(encoding="ascii").split()
        except (OSError, ValueError):
            continue
        if int(number) <= done:
            continue
        done = int(number)
        told = _told() if word == "tell" else {}
        if word == "begin":
            _seen.clear()
            _loops.clear()
        _write(folder, {"command": done, **told})


def _write(folder: Path, told: Dict[str, Any]) -> None:  # noqa: UP006 (the same)
    path = folder / f"{os.getpid()}.json"
    part = path.with_suffix(".part")
    part.write_text(json.dumps(told), encoding="ascii")
    part.replace(path)


def _begin() -> None:
    folder = Path(os.environ["LAB_OBSERVED"])
    # Before this process can answer anything, so that the lab knows for whom to wait.
    _write(folder, {"command": 0})
    threading.Thread(target=_obey, args=(folder,), name="lab observer", daemon=True).start()
    threading.setprofile(_note)
    sys.setprofile(_note)


def _import_next() -> None:
    """Import the module of this name that Python would have found without this folder."""
    here = Path(__file__).resolve().parent
    path = [folder for folder in sys.path if Path(folder).resolve() != here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", path)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


_import_next()
if os.environ.get("LAB_OBSERVED"):
    _begin()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_begin)
