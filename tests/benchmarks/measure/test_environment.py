from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.measure import environment
from benchmarks.measure.environment import Cores


def test_the_facts_that_a_figure_depends_on_are_recorded() -> None:
    """Machine, cores, versions: by names that carry their unit."""
    facts = environment.environment(Cores(server=(1,), loader=(0,)))

    assert ("1", "0") == (facts["server_cpus"], facts["loader_cpus"])
    assert os.cpu_count() == facts["logical_cores"]
    assert f"{sys.version_info.major}.{sys.version_info.minor}" in str(facts["python"])
    assert {"package_flask", "package_hypercorn", "package_uvicorn", "package_marshmallow"} <= set(facts)


def test_the_commit_and_what_was_changed_since_are_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the lab's own repository, as git tells them; nothing is made up where there is no commit, or no repository."""

    def git(*arguments: str) -> str:
        own = ("-c", "user.name=a test", "-c", "user.email=test@example.org")
        done = subprocess.run(["git", *own, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def recorded() -> tuple[object, object]:
        facts = environment.environment(Cores((), ()))
        return facts["git_revision"], facts["git_changed_files"]

    monkeypatch.setattr(environment, "__file__", str(tmp_path / "environment.py"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert (None, None) == recorded()
    git("init", "--quiet")
    (tmp_path / "one").touch()
    assert (None, 1) == recorded()
    git("add", "one")
    git("commit", "--quiet", "--message", "one")
    assert (git("rev-parse", "HEAD"), 0) == recorded()
    (tmp_path / "one").write_text("changed", encoding="utf-8")
    (tmp_path / "two").touch()
    assert (git("rev-parse", "HEAD"), 2) == recorded()


def test_no_path_of_the_machine_is_recorded() -> None:
    """A report can be passed on: it tells neither where it ran nor who ran it."""
    facts = environment.environment(Cores((), ()))

    home = os.path.expanduser("~")  # noqa: PTH111 (compared as text)
    assert [] == [
        name for name, value in facts.items() if isinstance(value, str) and (home in value or os.sep + "tmp" in value)
    ]


def test_two_cores_are_shared_out_disjoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loader never runs where the server does."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    assert Cores(server=(1,), loader=(0,)) == environment.share_cores()


def test_hyper_threads_of_one_core_are_not_given_to_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neighbours may be siblings: first and middle are not."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert Cores(server=(4,), loader=(0,)) == environment.share_cores()


def test_one_core_is_not_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run goes on and says so."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3}, raising=False)
    assert Cores((), ()) == environment.share_cores()


def test_a_platform_that_cannot_pin_is_not_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """On macOS there is no affinity."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert Cores((), ()) == environment.share_cores()


def test_this_machine_is_seen() -> None:
    """Its cores are those that were shared out, and its clock moves."""
    cores = environment.share_cores()

    seen = environment.look(cores, look_s=0.01)

    assert (cores.server, cores.loader) == (seen.server_cpus, seen.loader_cpus)
    assert os.cpu_count() == seen.logical_cores
    assert 1 <= seen.usable_cores
    assert 0 < seen.clock_step_ns < 1e9
    assert all(0 < fraction for _, fraction in seen.busiest)


@pytest.mark.alone
def test_a_busy_process_is_named() -> None:
    """A process that spins is among the three busiest."""
    spinner = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        names = [name for name, _ in environment.look(Cores((), ()), look_s=0.5).busiest]
    finally:
        spinner.kill()
        spinner.wait()

    assert any("python" in name for name in names)


def test_cores_that_cannot_be_pinned_have_no_siblings() -> None:
    """That is not an error."""
    seen = environment.look(Cores((), ()), look_s=0.01)

    assert seen.cores_are_siblings is None
    assert () == seen.governors


def test_stolen_time_is_a_share() -> None:
    """It is between 0 and 1, where the platform knows it."""
    fraction = environment.StealMeter().fraction()

    assert fraction is None or 0 <= fraction <= 1


@pytest.mark.parametrize(("text", "cpus"), [("0", {0}), ("0,4", {0, 4}), ("2-3", {2, 3}), ("0-1,6", {0, 1, 6})])
def test_the_kernels_lists_of_cores_are_read(text: str, cpus: set[int]) -> None:
    """Single numbers and ranges, between commas."""
    assert cpus == environment._cpus(text)


@pytest.mark.parametrize(
    ("siblings", "loader"), [("4", (0, 1, 2, 3, 5, 6, 7)), ("0,4", (1, 2, 3, 5, 6, 7)), (None, (0, 1, 2, 3, 5, 6, 7))]
)
def test_a_loader_that_needs_many_cores_has_all_that_the_server_leaves(
    siblings: str | None, loader: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Except the other hyper-thread of the server's core, which would slow the server."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(environment, "_CPUS", tmp_path)
    if siblings is not None:
        (tmp_path / "cpu4" / "topology").mkdir(parents=True)
        (tmp_path / "cpu4" / "topology" / "thread_siblings_list").write_text(f"{siblings}\n", encoding="ascii")

    assert Cores((4,), loader) == environment.give_every_core(Cores((4,), (0,)))


def test_a_loader_keeps_its_core_where_there_is_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """With two cores each has one; with one, neither is pinned."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)

    assert Cores((1,), (0,)) == environment.give_every_core(Cores((1,), (0,)))
    assert Cores((), ()) == environment.give_every_core(Cores((), ()))
