from __future__ import annotations

import os
import sys

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
