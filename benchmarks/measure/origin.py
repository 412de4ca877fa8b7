"""Proves, before anything is timed, that a server's modules come from its own tree, and not from another's.

Where an app is installed, its Python may take it from there whatever folder the server runs in. Two versions of it
would then be the same code, and always come out equal.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.errors import RefusedError
from benchmarks.measure.likeness import observing
from benchmarks.measure.server import ServerError, put_back, running
from benchmarks.model import Contender, Workload

_SOURCES = ("", "src", "lib", "python")
"""Folders of a tree in which packages often lie."""

_OF_PYTHON = {*sys.stdlib_module_names, "__main__", "sitecustomize"}
_MOST_SHOWN = 3
_CURE = (
    "The two sides would be the same code. An installed app does this. Give each side an environment of its own: "
    "--setup 'pip install .'; or have it imported from its folder, such as --folder src."
)


def prove(contender: Contender, module: str, requests: Sequence[Workload], tree: Path, elsewhere: Path) -> None:
    """Start a contender with an observer in it, ask it, and see where all that it has imported comes from.

    Args:
        contender: One side.
        module: That has its app; empty for what a command starts.
        requests: What to ask: a view may import more.
        tree: Folder of its commit's files.
        elsewhere: The working tree of the person, which is neither side's.
    Raises:
        RefusedError: A module of the app comes from elsewhere, or that cannot be seen; or it does not start.
    """
    with observing() as observer:
        try:
            if requests[0].before_trial:
                put_back(requests[0].before_trial, contender)
            with running(contender, requests[0].path_for(contender), settings=observer.settings(contender)) as server:
                processes = observer.inside(server, contender, [each for one in requests for each in one.mix or (one,)])
        except ServerError as error:
            raise RefusedError(str(error)) from error
    own: set[str] = set()
    for seen in processes:
        mine, foreign = origins(seen, tree, elsewhere, Path(contender.folder))
        own |= mine
        if foreign:
            told = ", ".join(f"{name} from {file}" for name, file in sorted(foreign.items())[:_MOST_SHOWN])
            more = f" and {len(foreign) - _MOST_SHOWN} more" if len(foreign) > _MOST_SHOWN else ""
            raise RefusedError(f"{contender.id} imports {told}{more}, and not from its own tree. {_CURE}")
    if not own or (module and module not in own):
        why = f"it imports it from elsewhere. {_CURE}" if processes else "its server is no Python that can be observed."
        what = module or "the app"
        raise RefusedError(f"It cannot be shown that {contender.id} imports {what} from its own tree: {why}")


def origins(seen: Mapping[str, Any], tree: Path, elsewhere: Path, folder: Path) -> tuple[set[str], dict[str, str]]:
    """Return the modules of a process that come from its own tree, and those of the app that come from elsewhere.

    A package of the environment is neither, unless the tree has a module of its name.

    Args:
        seen: What the process tells: ``files`` of modules by name, ``path`` on which it looks for them, ``prefix`` of
            its environment.
        tree: Folder of its commit's files.
        elsewhere: The working tree of the person.
        folder: In which it runs.
    """
    tree, elsewhere, prefix = tree.resolve(), elsewhere.resolve(), Path(seen["prefix"]).resolve()
    looked = [Path(folder, each).resolve() for each in seen["path"]]
    sources = {tree / name for name in _SOURCES} | {folder.resolve()}
    for root in (tree, elsewhere):
        sources |= {tree / each.relative_to(root) for each in looked if each.is_relative_to(root)}
    own, foreign = set[str](), dict[str, str]()
    for name, file in seen["files"].items():
        path = Path(folder, file).resolve()
        if path.is_relative_to(tree):
            own.add(name)
            continue
        strays = path.is_relative_to(elsewhere) and not path.is_relative_to(prefix)
        if strays or (name.partition(".")[0] not in _OF_PYTHON and _is_in(sources, name)):
            foreign[name] = file
    return own, foreign


def _is_in(sources: set[Path], name: str) -> bool:
    relative = Path(*name.split("."))
    return any((each / f"{relative}.py").exists() or (each / relative / "__init__.py").exists() for each in sources)
