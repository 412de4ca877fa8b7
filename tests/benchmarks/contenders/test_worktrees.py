"""Base and head as worktrees: which commits they are, what is in them, and that nothing else changes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.contenders import worktrees
from benchmarks.contenders.worktrees import Base, Tree
from benchmarks.errors import InvalidValueError, LabError
from tests.benchmarks.git_repositories import NO_CONFIGURATION, begun, commit, git, state_of, write

CI_VARIABLES = ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME")


@pytest.fixture(autouse=True)
def outside_of_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """No CI system and no configuration of this machine's says anything."""
    for name in CI_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in NO_CONFIGURATION.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a repository with one commit."""
    return begun(tmp_path / "project", {"shop.py": "1\n", ".gitignore": ".env\ninstance/\n"})


def base_of(folder: Path, name: str | None = None) -> Base | None:
    """Find what is compared with."""
    return worktrees.repository(folder).base(name)


def test_the_base_is_where_the_work_left_the_default_branch(project: Path) -> None:
    """Not where that is now."""
    left = git(project, "rev-parse", "HEAD")
    git(project, "switch", "--quiet", "--create", "work")
    commit(project, {"shop.py": "2\n"})
    git(project, "switch", "--quiet", "main")
    commit(project, {"other.py": "1\n"})
    git(project, "switch", "--quiet", "work")

    assert Base(left, "where this left main") == base_of(project)


def test_on_the_default_branch_the_base_is_the_last_commit_or_the_one_before(project: Path) -> None:
    """Whether something was changed since decides; a first commit has nothing before it."""
    assert None is base_of(project)
    first = git(project, "rev-parse", "HEAD")
    write(project, {"shop.py": "2\n"})
    assert Base(first, "the last commit") == base_of(project)
    commit(project, {"shop.py": "2\n"})
    assert Base(first, "the commit before") == base_of(project)


def test_without_a_commit_or_a_common_one_there_is_no_base(tmp_path: Path, project: Path) -> None:
    """A first check has nothing to compare with."""
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "--quiet")
    assert None is base_of(empty)

    git(project, "switch", "--quiet", "--orphan", "another")
    commit(project, {"new.py": "1\n"})
    assert None is base_of(project)


@pytest.mark.parametrize("variable", CI_VARIABLES)
def test_ci_says_into_which_branch_a_change_goes(
    project: Path, tmp_path: Path, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The remote's; where that was not fetched, the message says how."""
    left = git(project, "rev-parse", "HEAD")
    git(project, "branch", "release")
    commit(project, {"shop.py": "2\n"})
    git(tmp_path, "clone", "--quiet", f"file://{project}", "clone")
    monkeypatch.setenv(variable, "release")
    assert Base(left, "where this left origin/release") == base_of(tmp_path / "clone")

    monkeypatch.setenv(variable, "gone")
    with pytest.raises(LabError, match="git fetch origin gone"):
        base_of(tmp_path / "clone")


def test_a_base_may_be_named(project: Path) -> None:
    """By anything that git knows."""
    first = git(project, "rev-parse", "HEAD")
    git(project, "tag", "v1")
    commit(project, {"shop.py": "2\n"})

    assert Base(first, "v1, as asked") == base_of(project, "v1")
    with pytest.raises(InvalidValueError, match="No commit here is called 'v2'"):
        base_of(project, "v2")


@pytest.mark.parametrize("name", [None, "HEAD~1", "v1"])
def test_a_shallow_clone_is_told_what_to_fetch(project: Path, tmp_path: Path, name: str | None) -> None:
    """It must not pass for one that has nothing to compare with."""
    commit(project, {"shop.py": "2\n"})
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{project}", "shallow")

    with pytest.raises(LabError, match="git fetch --unshallow origin"):
        base_of(tmp_path / "shallow", name)


def test_a_shallow_clone_of_a_branch_is_told_the_other_one(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As CI systems check out a change: its last commit, and nothing of where it goes to."""
    git(project, "switch", "--quiet", "--create", "work")
    commit(project, {"shop.py": "2\n"})
    git(tmp_path, "clone", "--quiet", "--depth", "1", "--branch", "work", f"file://{project}", "shallow")
    monkeypatch.setenv("GITHUB_BASE_REF", "main")

    with pytest.raises(LabError, match="git fetch --unshallow origin main"):
        base_of(tmp_path / "shallow")


def test_a_folder_without_a_repository_is_refused(tmp_path: Path) -> None:
    """With what git says."""
    with pytest.raises(InvalidValueError, match="not a git repository"):
        worktrees.repository(tmp_path)


def test_each_side_has_its_files_and_nothing_else_changes(project: Path) -> None:
    """Base as it was committed; head as it is, staged or not, without what git does not track. Then both are gone."""
    base = git(project, "rev-parse", "HEAD")
    commit(project, {"shop.py": "2\n", "inner/deep.py": "1\n"})
    write(project, {"shop.py": "3\n", "staged.py": "1\n", "unknown.py": "1\n", ".env": "SECRET=1\n"})
    git(project, "add", "staged.py")
    before = state_of(project)

    with worktrees.repository(project / "inner").worktrees(base) as (one, other, head):
        assert ("base", "1\n", False) == (
            one.side,
            (one.root / "shop.py").read_text(encoding="utf-8"),
            (one.root / "staged.py").exists(),
        )
        assert ("head", "3\n", True) == (
            other.side,
            (other.root / "shop.py").read_text(encoding="utf-8"),
            (other.root / "staged.py").exists(),
        )
        assert [] == [name for name in ("unknown.py", ".env") if (other.root / name).exists()]
        # A folder that the base has not yet is there all the same.
        assert (one.root / "inner", other.root / "inner") == (one.folder, other.folder)
        assert one.folder.is_dir()
        assert ["inner/deep.py"] == worktrees.repository(project).changed(base, head, ["*deep.py"])

    assert before == state_of(project)
    assert not one.root.parent.exists()


def test_head_is_the_last_commit_where_nothing_differs(project: Path) -> None:
    """No commit is made for it."""
    with worktrees.repository(project).worktrees("HEAD") as (_, _, head):
        assert git(project, "rev-parse", "HEAD") == head


def test_a_change_in_the_second_of_the_commit_is_seen(project: Path) -> None:
    """Git knows a changed file by its size and time, or else looks into it."""
    commit(project, {"shop.py": "2\n"})
    write(project, {"shop.py": "3\n"})
    with worktrees.repository(project).worktrees("HEAD") as (one, other, _):
        assert ["2\n", "3\n"] == [(tree.root / "shop.py").read_text(encoding="utf-8") for tree in (one, other)]


def test_hooks_of_the_person_do_not_run(project: Path) -> None:
    """A checkout would run one; and what git tells a hook does not lead elsewhere."""
    hook = project / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {project}/ran\n", encoding="utf-8")
    hook.chmod(0o755)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_DIR", str(project / "nowhere"))
        with worktrees.repository(project).worktrees("HEAD"):
            assert not (project / "ran").exists()


def test_what_git_does_not_track_is_carried_where_that_is_asked_for(project: Path) -> None:
    """Files and folders, to both sides, as copies; what is tracked, or not there, is not."""
    write(project, {".env": "SECRET=1\n", "instance/shop.sqlite": "rows", "instance/kept.py": "1\n"})
    git(project, "add", "--force", "instance/kept.py")
    repository = worktrees.repository(project)

    assert ([], [".env", "instance/shop.sqlite"]) == repository.unknown()
    with repository.worktrees("HEAD") as (one, other, _):
        repository.carry([".env", "instance"], [one, other])
        for tree in (one, other):
            assert "SECRET=1\n" == (tree.root / ".env").read_text(encoding="utf-8")
            assert "rows" == (tree.root / "instance" / "shop.sqlite").read_text(encoding="utf-8")
        (one.root / "instance" / "shop.sqlite").write_text("more", encoding="utf-8")
        for name, told in (("shop.py", "Git tracks"), ("gone", "is no file"), ("..", "is no file")):
            with pytest.raises(InvalidValueError, match=told):
                repository.carry([name], [one, other])

    assert "rows" == (project / "instance" / "shop.sqlite").read_text(encoding="utf-8")


def test_what_no_app_needs_is_not_offered(project: Path) -> None:
    """New files are told apart from ignored ones, and caches are neither."""
    write(project, {".gitignore": "__pycache__/\n.venv/\n*.log\n.env\n.pytest_cache/\nbuild/\n"})
    noise = {f"{name}/file": "" for name in ("__pycache__", "inner/__pycache__", ".venv", ".pytest_cache", "build")}
    write(project, {**noise, "a.log": "", ".env": "", "new.py": ""})

    assert (["new.py"], [".env"]) == worktrees.repository(project).unknown()


def test_a_side_may_have_an_environment_of_its_own(tmp_path: Path) -> None:
    """A command of the person's runs in it, in the side's folder; what it says last is told if it fails."""
    tree = Tree("head", tmp_path, tmp_path)

    python = worktrees.set_up(
        "python -c 'import sys; print(sys.prefix)' > prefix && test -f prefix", tree, sys.executable
    )

    assert str(tmp_path / ".venv") == (tmp_path / "prefix").read_text(encoding="utf-8").strip()
    assert Path(python).is_relative_to(tmp_path / ".venv")
    with pytest.raises(LabError, match=r"head: --setup failed(.|\n)*no such package"):
        worktrees.set_up("echo no such package >&2; exit 3", tree, sys.executable)


def test_worktrees_of_a_lab_that_was_killed_go_with_it(project: Path) -> None:
    """Its watcher removes them, and what git has noted about them."""
    write(project, {"shop.py": "2\n"})
    before = state_of(project)
    program = (
        "import pathlib, sys, time\n"
        "from benchmarks.contenders import worktrees\n"
        "with worktrees.repository(pathlib.Path(sys.argv[1])).worktrees('HEAD') as (one, _, _):\n"
        "    print(one.root.parent, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(project)], stdout=subprocess.PIPE, text=True) as lab:
        assert lab.stdout is not None
        place = Path(lab.stdout.readline().strip())
        assert place.is_dir()
        lab.send_signal(signal.SIGKILL)
    ends_s = time.monotonic() + 20
    while time.monotonic() < ends_s and (place.exists() or before != state_of(project)):
        time.sleep(0.05)

    assert not place.exists()
    assert before == state_of(project)


def test_what_a_lab_left_that_was_killed_with_its_watcher_is_removed_by_the_next(project: Path) -> None:
    """Also a worktree that was not finished; another person's stay."""
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    place = project.parent / f"lab-check-{ended.stdout.decode().strip()}-ab12"
    for name in ("lab-base-ab12", "lab-head-ab12"):
        git(project, "worktree", "add", "--quiet", "--detach", str(place / name))
    git(project, "worktree", "lock", "--reason", "initializing", str(place / "lab-head-ab12"))
    git(project, "worktree", "add", "--quiet", "--detach", str(project.parent / "mine"))
    mine = project.parent / f"lab-check-{os.getpid()}-cd34" / "lab-base-cd34"
    git(project, "worktree", "add", "--quiet", "--detach", str(mine))

    with worktrees.repository(project).worktrees("HEAD"):
        pass

    assert not place.exists()
    assert {"mine", "lab-base-cd34"} == {path.name for path in (project / ".git" / "worktrees").iterdir()}
