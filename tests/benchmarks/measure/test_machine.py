from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.measure import machine
from benchmarks.measure.environment import Cores, share_cores
from benchmarks.measure.machine import StealMeter, look


def test_this_machine_is_seen() -> None:
    """Its cores are those that were shared out, and its clock moves."""
    cores = share_cores()

    seen = look(cores, look_s=0.01)

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
        names = [name for name, _ in look(Cores((), ()), look_s=0.5).busiest]
    finally:
        spinner.kill()
        spinner.wait()

    assert any("python" in name for name in names)


def test_cores_that_cannot_be_pinned_have_no_siblings() -> None:
    """That is not an error."""
    seen = look(Cores((), ()), look_s=0.01)

    assert seen.cores_are_siblings is None
    assert () == seen.governors


def test_stolen_time_is_a_share() -> None:
    """It is between 0 and 1, where the platform knows it."""
    fraction = StealMeter().fraction()

    assert fraction is None or 0 <= fraction <= 1


@pytest.mark.parametrize(("text", "cpus"), [("0", {0}), ("0,4", {0, 4}), ("2-3", {2, 3}), ("0-1,6", {0, 1, 6})])
def test_the_kernels_lists_of_cores_are_read(text: str, cpus: set[int]) -> None:
    """Single numbers and ranges, between commas."""
    assert cpus == machine._listed(text)


@pytest.mark.parametrize(
    ("siblings", "loader"), [("4", (0, 1, 2, 3, 5, 6, 7)), ("0,4", (1, 2, 3, 5, 6, 7)), (None, (0, 1, 2, 3, 5, 6, 7))]
)
def test_a_loader_that_needs_many_cores_has_all_that_the_server_leaves(
    siblings: str | None, loader: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Except the other hyper-thread of the server's core, which would slow the server."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(machine, "_CPUS", tmp_path)
    if siblings is not None:
        (tmp_path / "cpu4" / "topology").mkdir(parents=True)
        (tmp_path / "cpu4" / "topology" / "thread_siblings_list").write_text(f"{siblings}\n", encoding="ascii")

    assert Cores((4,), loader) == machine.give_every_core(Cores((4,), (0,)))


def test_a_loader_keeps_its_core_where_there_is_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """With two cores each has one; with one, neither is pinned."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)

    assert Cores((1,), (0,)) == machine.give_every_core(Cores((1,), (0,)))
    assert Cores((), ()) == machine.give_every_core(Cores((), ()))
