"""Lays a base and what is being worked on down beside a repository, as worktrees of it that end with the lab.

Nothing in the repository itself changes: no index, no stash, no branch, no file. What is being worked on is a commit
without a name, made of the files that git tracks, as they are now. Where the lab is killed, its orphan watcher removes
both worktrees, and what git notes about them.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.errors import InvalidValueError, LabError
from benchmarks.orphan_watcher import FOLDER_PREFIX
from benchmarks.process import output_of, uninterrupted, watching

_GIT_TIMEOUT_S = 600.0
_SETUP_TIMEOUT_S = 1800.0
_LAST_LINES = 15
_MOST_SHOWN = 6
_PLACE = f"{FOLDER_PREFIX}check-"
_NAMED = re.compile(rf"{_PLACE}(\d+)-\w+/{FOLDER_PREFIX}(?:base|head)-\w+$")
_OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")
"""Variables by which git tells a hook where it is: they would lead every command back there."""

_CAUTIOUSLY = ("-c", f"core.hooksPath={os.devnull}", "-c", "submodule.recurse=false")
"""Options of git: a hook of the person's would run at each checkout."""

_QUIETLY = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
_NAMELESS = {f"GIT_{who}_{what}": "lab" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
_TARGET_BRANCH = ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
"""Variables in which a CI system says into which branch a change is to go."""

_USUAL_BRANCHES = ("origin/HEAD", "origin/main", "origin/master", "main", "master")
_NOT_CARRIED = re.compile(
    r"(?:.*/)?(?:__pycache__|\.?venv.*|env|node_modules|build|dist|results|htmlcov|\.(?:tox|nox|git|idea|vscode|DS_Store|"
    r"coverage|[a-z]+_cache|hypothesis|eggs)|.*\.(?:py[co]|log|egg-info|so))/?"
)
"""What git often ignores and no app needs in order to answer."""

DEPENDENCIES = ("pyproject.toml", "setup.py", "setup.cfg", "*requirements*.txt", "*.lock", "Pipfile")
"""Files that may say which packages an app needs."""


@dataclass(frozen=True, slots=True)
class Base:
    """What a change is compared with: a commit, and in words how it was found."""

    commit: str
    found: str


@dataclass(frozen=True, slots=True)
class Tree:
    """One side, base or head: the folder with its commit's files, and in it the one that stands for the person's."""

    side: str
    root: Path
    folder: Path


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository of somebody's.

    Attributes:
        root: Its working tree.
        folder: In the tree, where the person is.
    """

    root: Path
    folder: Path

    def git(self, *words: str, **variables: str) -> str:
        """Run git in the repository, and return what it printed.

        Args:
            words: Its arguments.
            variables: Of its environment, beside those that keep it quiet.
        Raises:
            LabError: It failed; the message has what it said.
        """
        return _git(self.root, *words, **variables)

    def commit(self, name: str) -> str | None:
        """Return the id of a commit; ``None`` where no commit here has that name."""
        with contextlib.suppress(LabError):
            return self.git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        return None

    def is_dirty(self) -> bool:
        """Tell whether a file that git tracks differs from the commit that is checked out."""
        return bool(self.git("status", "--porcelain", "--untracked-files=no"))

    def base(self, name: str | None) -> Base | None:
        """Return what to compare with: the commit of this name, or else where the work left the default branch.

        On the default branch itself that is the last commit, where files have changed since; else the one before.

        Returns:
            ``None`` where there is nothing earlier.
        Raises:
            InvalidValueError: No commit has the name.
            LabError: The clone is shallow, and does not reach back far enough.
        """
        if name is not None:
            return self._named(name)
        if (head := self.commit("HEAD")) is None:
            return None
        branch = self._default_branch()
        left = head if branch is None else self._left(branch)
        if left != head:
            return None if left is None else Base(left, f"where this left {branch}")
        if self.is_dirty():
            return Base(head, "the last commit")
        if (before := self.commit("HEAD~1")) is not None:
            return Base(before, "the commit before")
        self._refuse_shallow("")
        return None

    def _left(self, branch: str) -> str | None:
        """Return the last commit that the work shares with a branch; ``None`` where they have nothing in common."""
        with contextlib.suppress(LabError):
            return self.git("merge-base", branch, "HEAD")
        self._refuse_shallow(branch)
        return None

    def _named(self, name: str) -> Base:
        if (commit := self.commit(name)) is None:
            self._refuse_shallow(name)
            raise InvalidValueError(f"No commit here is called {name!r}. Fetch it, or name another.", "--base")
        return Base(commit, f"{name}, as asked")

    def _default_branch(self) -> str | None:
        asked = [f"origin/{os.environ[each]}" for each in _TARGET_BRANCH if os.environ.get(each)]
        branch = next((each for each in asked or _USUAL_BRANCHES if self.commit(each) is not None), None)
        if branch is None and asked:
            self._refuse_shallow(asked[0])
            raise LabError(f"There is no {asked[0]} here: git fetch {asked[0].replace('/', ' ', 1)}")
        return branch

    def _refuse_shallow(self, name: str) -> None:
        if self.git("rev-parse", "--is-shallow-repository") != "true":
            return
        what = " ".join(["git fetch --unshallow origin", name.removeprefix("origin/")]).strip()
        raise LabError(
            f"This clone is shallow and does not reach back to the base. Fetch the rest: {what}\n"
            "(GitHub Actions: `fetch-depth: 0` for actions/checkout; GitLab CI: the variable `GIT_DEPTH: 0`)"
        )

    def as_it_is(self, aside: Path) -> str:
        """Return a commit of the files that git tracks as they are now, staged or not; the last one if none differs.

        Args:
            aside: A folder for an index, so that the repository's own stays as it is.
        """
        if not self.is_dirty():
            return self.git("rev-parse", "HEAD")
        index = aside / "index"
        # With its time: by that git knows which files may have changed in the second in which they were staged.
        shutil.copy2(self.root / self.git("rev-parse", "--git-path", "index"), index)
        self.git("add", "--update", GIT_INDEX_FILE=str(index))
        tree = self.git("write-tree", GIT_INDEX_FILE=str(index))
        return self.git("commit-tree", tree, "-p", "HEAD", "-m", "work in progress", **_NAMELESS)

    def unknown(self) -> tuple[list[str], list[str]]:
        """Return files that git does not track: new ones, and ignored ones that an app may need; some of each."""
        lines = self.git("status", "--porcelain", "--ignored=matching", "--untracked-files=all").splitlines()
        new, ignored = ([line[3:] for line in lines if line.startswith(mark)] for mark in ("?? ", "!! "))
        needed = [name for name in ignored if not _NOT_CARRIED.fullmatch(name)]
        return new[:_MOST_SHOWN], needed[:_MOST_SHOWN]

    def changed(self, base: str, head: str, names: Sequence[str]) -> list[str]:
        """Return which files of these names two commits differ in."""
        return self.git("diff", "--name-only", base, head, "--", *names).splitlines()

    def carry(self, names: Sequence[str], trees: Sequence[Tree]) -> None:
        """Copy files and folders that git does not track into worktrees.

        Args:
            names: Their paths, from the person's folder.
            trees: Where to.
        Raises:
            InvalidValueError: One is not there, is not the repository's, or is tracked.
        """
        for name in names:
            source = (self.folder / name).absolute()
            if not source.exists() or not source.resolve().is_relative_to(self.root.resolve()):
                raise InvalidValueError(f"{name} is no file or folder of {self.root}.", "--carry")
            if source.is_file() and self.git("ls-files", "--", str(source)):
                raise InvalidValueError(f"Git tracks {name}, so each side has its own: leave it out.", "--carry")
            for tree in trees:
                target = tree.root / source.resolve().relative_to(self.root.resolve())
                if source.is_dir():
                    shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True, copy_function=_copy_missing)
                else:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(source, target)

    @contextlib.contextmanager
    def worktrees(self, base: str) -> Iterator[tuple[Tree, Tree, str]]:
        """Lay base and head down for the length of a ``with`` block.

        Args:
            base: A commit.
        Returns:
            The tree of the base, that of the work, and the commit in the second.
        Raises:
            LabError: Git cannot.
        """
        self._remove_left_over()
        with contextlib.ExitStack() as stack:
            with uninterrupted():
                watch = stack.enter_context(watching())
                place = Path(tempfile.mkdtemp(prefix=f"{_PLACE}{os.getpid()}-")).resolve()
                watch.tell(">", place)
                stack.callback(watch.tell, "<", place)
                stack.callback(shutil.rmtree, place, ignore_errors=True)
            head = self.as_it_is(place)
            notes = Path(self.root, self.git("rev-parse", "--git-common-dir")).resolve() / "worktrees"
            found = []
            for side, commit in (("base", base), ("head", head)):
                root = place / f"{FOLDER_PREFIX}{side}-{place.name.rpartition('-')[2]}"
                watch.tell(">", notes / root.name)
                stack.callback(watch.tell, "<", notes / root.name)
                stack.callback(self._remove, root)
                self.git("worktree", "add", "--quiet", "--detach", str(root), commit)
                folder = root / self.folder.resolve().relative_to(self.root.resolve())
                folder.mkdir(parents=True, exist_ok=True)
                found.append(Tree(side, root, folder))
            yield found[0], found[1], head

    def _remove(self, root: Path) -> None:
        # Twice: one that was never finished is locked.
        with contextlib.suppress(LabError):
            self.git("worktree", "remove", "--force", "--force", str(root))

    def _remove_left_over(self) -> None:
        """Remove what a lab could not that was killed together with its watcher."""
        for line in self.git("worktree", "list", "--porcelain").splitlines():
            root = Path(line.removeprefix("worktree "))
            match = _NAMED.search(root.as_posix()) if line.startswith("worktree ") else None
            if match is not None and not (root.exists() and psutil.pid_exists(int(match[1]))):
                self._remove(root)
                shutil.rmtree(root.parent, ignore_errors=True)


def repository(folder: Path) -> Repository:
    """Return the repository that a folder is in.

    Raises:
        InvalidValueError: It is in none, or git is not there.
    """
    try:
        root = _git(folder, "rev-parse", "--show-toplevel")
    except LabError as error:
        raise InvalidValueError(f"A check compares two commits, and git finds none here. {error}") from error
    return Repository(Path(root), folder)


def set_up(command: str, tree: Tree, python: str) -> str:
    """Make an environment in a worktree, run a person's command in it, and return its Python.

    Args:
        command: For a shell, such as ``pip install .``.
        tree: Where.
        python: That makes the environment.
    Raises:
        LabError: It failed; the message ends with what it said last.
    """
    environment = tree.folder / ".venv"
    where = "Scripts" if sys.platform == "win32" else "bin"
    path = os.pathsep.join((str(environment / where), os.environ.get("PATH", os.defpath)))
    variables = {**outside_hooks(), "VIRTUAL_ENV": str(environment), "PATH": path}
    shell = ("cmd", "/c") if sys.platform == "win32" else ("/bin/sh", "-c")
    for words in ((python, "-m", "venv", str(environment)), (*shell, command)):
        try:
            output_of(words, _SETUP_TIMEOUT_S, cwd=tree.folder, environment=variables)
        except (OSError, subprocess.SubprocessError) as error:
            raise LabError(f"{tree.side}: --setup failed: {error}{_tail(error)}") from error
    return str(environment / where / Path("python.exe" if sys.platform == "win32" else "python"))


def outside_hooks() -> dict[str, str]:
    """Return this process's variables without those by which git tells a hook where it is."""
    return {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}


def _git(folder: Path, *words: str, **variables: str) -> str:
    environment: Mapping[str, str] = {**outside_hooks(), **_QUIETLY, **variables}
    try:
        told = output_of(["git", *_CAUTIOUSLY, *words], _GIT_TIMEOUT_S, cwd=folder, environment=environment)
    except (OSError, subprocess.SubprocessError) as error:
        raise LabError(f"git {words[0]} failed: {_tail(error).strip() or error}") from error
    return told.rstrip("\n")


def _tail(error: Exception) -> str:
    told = f"{getattr(error, 'output', '') or ''}{getattr(error, 'stderr', '') or ''}"
    return "".join(f"\n  | {line}" for line in told.splitlines()[-_LAST_LINES:])


def _copy_missing(source: str, target: str) -> str:
    return target if Path(target).exists() else shutil.copy2(source, target)
