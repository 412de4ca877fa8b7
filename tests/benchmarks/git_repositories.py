"""Repositories of somebody's, made for a test: a folder, a few commits, and what git says of it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

WHO = {f"GIT_{who}_{what}": "tests@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
NO_CONFIGURATION = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}


def git(folder: Path, *words: str) -> str:
    """Run git in a folder, with no configuration of this machine's, and return what it printed."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment = {**outside, **WHO, **NO_CONFIGURATION}
    done = subprocess.run(["git", *words], cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def begun(folder: Path, files: Mapping[str, str]) -> Path:
    """Begin a repository with one commit, on a branch that is called main."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, files)
    return folder


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def commit(folder: Path, files: Mapping[str, str]) -> str:
    """Commit files as they are to be, and return the commit."""
    write(folder, files)
    git(folder, "add", *files)
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "a change")
    return git(folder, "rev-parse", "HEAD")


def state_of(folder: Path) -> dict[str, str | bytes]:
    """Return all that may not change in a repository: index, branches, stash, worktrees, and files that are there."""
    return {
        "index": (folder / ".git" / "index").read_bytes(),
        "locks": " ".join(sorted(path.name for path in (folder / ".git").rglob("*.lock"))),
        "branches": git(folder, "for-each-ref"),
        "head": git(folder, "rev-parse", "HEAD"),
        "stash": git(folder, "stash", "list"),
        "worktrees": git(folder, "worktree", "list", "--porcelain"),
        "noted": " ".join(sorted(path.name for path in (folder / ".git" / "worktrees").glob("*"))),
        "status": git(folder, "--no-optional-locks", "status", "--porcelain", "--ignored"),
    }
