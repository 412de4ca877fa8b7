"""Makes two sides of one app for a check: base and head, each served from its own worktree, and proved to be."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.cli import requests
from benchmarks.cli.subjects import Asked, one_target
from benchmarks.contenders import lab_file, own_python, targets, worktrees
from benchmarks.contenders.lab_file import LabFile
from benchmarks.contenders.worktrees import Base, Repository, Tree
from benchmarks.errors import InvalidValueError, LabError, RefusedError
from benchmarks.measure import origin, parity
from benchmarks.model import Contender, Workload

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What counts for both sides alike, of what their repository has.

    Attributes:
        told: Its file, of the base where that has one.
        place: Folder of that file, from the root of a tree.
        said: Sentences on how the two versions differ.
        lacking: Files that neither side has, because git does not track them, in a sentence; may be empty.
    """

    told: LabFile
    place: Path
    said: tuple[str, ...]
    lacking: str

    def told_in(self, tree: Tree) -> LabFile:
        """Return the file as it counts for a tree."""
        return dataclasses.replace(self.told, folder=tree.root / self.place)


def project_of(
    repository: Repository, trees: Sequence[Tree], commits: tuple[Base, str], *, carried: Sequence[str], is_set_up: bool
) -> Project:
    """Return what counts for both sides, and how their versions of it differ.

    Args:
        repository: The person's.
        trees: Base and head.
        commits: Of both.
        carried: What is copied to both.
        is_set_up: Whether each has an environment of its own.
    """
    files = [_file_in(tree) for tree in trees]
    here = Path(trees[0].folder.relative_to(trees[0].root))
    said = []
    known = [None if each is None else dataclasses.replace(each, folder=Path()) for each in files]
    if known[0] is None and known[1] is not None:
        said.append("The base has no lab.toml: head's counts.")
    elif known[0] != known[1]:
        said.append("lab.toml was changed: the base's counts here, and the new one once the change is in.")
    base, head = commits
    changed = [] if is_set_up else repository.changed(base.commit, head, worktrees.DEPENDENCIES)
    if changed:
        said.append(
            f"{', '.join(changed)} changed, and both sides run with the packages of one environment. If they need "
            "different ones, give each its own: --setup 'pip install .'"
        )
    told, tree = next(
        ((each, tree) for each, tree in zip(files, trees, strict=True) if each is not None), (LabFile(), trees[0])
    )
    place = here if told.folder == Path() else told.folder.relative_to(tree.root)
    return Project(told=told, place=place, said=tuple(said), lacking=_lacking(repository, carried))


def _file_in(tree: Tree) -> LabFile | None:
    """Return what the file of a worktree says, looking upward from the folder that stands for the person's own."""
    found = lab_file.find(tree.folder)
    return found if found is not None and found.folder.is_relative_to(tree.root) else None


def _lacking(repository: Repository, carried: Sequence[str]) -> str:
    new, ignored = repository.unknown()
    there = {each.rstrip("/") for each in carried}
    left = [name for name in ignored if name.rstrip("/") not in there]
    told = [f"Git does not know {', '.join(new)}, so head is without: git add, or --carry."] if new else []
    if left:
        told.append(f"Git ignores {', '.join(left)}, so neither side has it. If the app needs one: --carry {left[0]}")
    return " ".join(told)


def contenders(
    console: Console,
    repository: Repository,
    trees: Sequence[Tree],
    asked: Asked,
    project: Project,
    *,
    setup: str | None,
) -> tuple[Contender, Contender]:
    """Return base and head, each served from its tree by the Python beside the person's app, or by one of its own.

    Args:
        console: Where is said what each is.
        repository: The person's.
        trees: Base and head.
        asked: The words and options.
        project: What counts for both.
        setup: Command that makes an environment in each tree; ``None`` for one for both.
    Raises:
        InvalidValueError: Head cannot be served.
        RefusedError: The base cannot.
    """
    word = _word(asked, project.told)
    python = _python(asked, project, repository, word)
    found = {}
    # What is wrong with head may be a slip of the command line; what is then wrong with the base is not.
    for tree in reversed(trees):
        own = python
        if setup is not None:
            console.print(f"{tree.side}: {setup}", style="dim", highlight=False, markup=False)
            own = worktrees.set_up(setup, tree, python)
        there = dataclasses.replace(asked, folder=tree.folder, python=own)
        try:
            if asked.commands:
                contender = targets.started_by(asked.commands[0], tree.folder)
            else:
                contender = one_target(word, there, project.told_in(tree)).contender
        except InvalidValueError as error:
            if tree.side == "head":
                raise InvalidValueError(f"{error} {project.lacking}".strip(), error.option) from error
            raise RefusedError(f"The base cannot be served. {error} {project.lacking}".strip()) from error
        if contender.url:
            raise InvalidValueError(f"{contender.url} runs already, and has no two sides: name an app.", "TARGET")
        console.print(f"{tree.side}: {contender.description}", highlight=False, markup=False)
        found[tree.side] = dataclasses.replace(contender, name=tree.side)
    return found["base"], found["head"]


def see_here(asked: Asked) -> None:
    """See that the person's app can be served from where it is: a slip of the command line shows in a first run too.

    Raises:
        InvalidValueError: It cannot.
    """
    told = lab_file.find(asked.folder) or LabFile()
    word = _word(asked, told)
    if asked.commands:
        targets.started_by(asked.commands[0], asked.folder)
    else:
        one_target(word, asked, told)


def _word(asked: Asked, told: LabFile) -> str:
    """Return the word for the app; empty where a command starts it.

    Raises:
        InvalidValueError: There are several, or nothing says which.
    """
    given = [*asked.words, *asked.commands]
    if len(given) > 1:
        raise InvalidValueError(f"A check is of one app, not of {' and '.join(given)}: name one.", "TARGET")
    if given:
        return "" if asked.commands else given[0]
    if not told.contenders:
        raise InvalidValueError(
            "Which app? Name one, such as shop:app@gunicorn, or have `lab init` write lab.toml.", "TARGET"
        )
    return told.against or next(iter(told.contenders))


def _python(asked: Asked, project: Project, repository: Repository, word: str) -> str:
    """Return the Python beside the person's own app: what git does not track is in neither tree."""
    entry, folder, python = project.told.contenders.get(word), asked.folder, asked.python
    if entry is not None:
        place = repository.root / project.place
        folder = place / entry.folder
        python = python or (None if entry.python is None else str(place / entry.python))
    return own_python.surroundings(folder, python).python


def agreed(
    repository: Repository, trees: Sequence[Tree], sides: Sequence[Contender], asked: Asked, project: Project
) -> tuple[Workload, ...]:
    """Return what both sides are asked, once they have proved where they come from, and have answered alike.

    Raises:
        RefusedError: One cannot prove it, does not start, or answers otherwise.
    """
    told = project.told_in(trees[0])
    wanted = tuple(requests.asked_for(dataclasses.replace(asked, folder=trees[0].folder), told))
    try:
        for side, tree in zip(sides, trees, strict=True):
            module = "" if asked.commands or ":" not in side.framework else side.framework.partition(":")[0]
            origin.prove(side, module, wanted, tree.root, repository.root)
        return parity.agreed(sides, wanted, may_differ=asked.allow_different or told.allow_different)
    except InvalidValueError:
        raise
    except LabError as error:
        raise RefusedError(f"{error} {project.lacking}".strip()) from error
