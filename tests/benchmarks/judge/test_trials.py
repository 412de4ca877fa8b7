from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.judge import trials
from benchmarks.judge.trials import ceilings, loader_bound_reason, valid_trials
from benchmarks.model import Place, Run, Trial
from benchmarks.trials import gave_up, given_up_at, void_reason


def test_a_good_trial_counts(make_trial: Callable[..., Trial]) -> None:
    """Answers without errors are evidence."""
    trial = make_trial(rate=2215.0)

    assert void_reason(trial) is None
    assert [trial] == [valid.trial for valid in valid_trials([trial])]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"failure": "the server died", "driven": False}, "the server died"),
        ({"failure": "the server died"}, "the server died"),
        ({"driven": False}, "no result: the load did not run to its end"),
        ({"duration_s": 0.0}, "an interval of 0 s"),
        ({"rate": 0.0}, r"nothing completed \(no error either\)"),
        ({"rate": 0.0, "errors": {"timeout": 3, "connection": 2}}, r"nothing completed \(2 connection, 3 timeout\)"),
        ({"errors": {"status": 11}}, r"0.11 % of the requests failed, above 0.1 % \(11 status\)"),
        ({"latency": False}, "no latency was recorded"),
        ({"average_ms": 0.0}, "no latency was recorded, or one of 0 ms"),
    ],
)
def test_a_void_trial_says_why(make_trial: Callable[..., Trial], broken: dict[str, object], reason: str) -> None:
    """Whatever makes a trial void is said in words, and it is not among the valid ones."""
    trial = make_trial(**broken)

    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(void_reason(trial))
    assert valid_trials([trial]) == ()


def test_one_error_in_a_thousand_is_borne(make_trial: Callable[..., Trial]) -> None:
    """The limit is more than 0.1 % of what ended; kinds that did not occur are not told."""
    assert void_reason(make_trial(rate=99.9, errors={"status": 1, "body": 0})) is None
    assert void_reason(make_trial(rate=99.8, errors={"status": 1, "body": 0})) is not None


def test_a_trial_near_the_loaders_ceiling_is_loader_bound(make_trial: Callable[..., Trial]) -> None:
    """Above 70 % of what the loader reached on a bare server, the figure may be the loader's."""
    at, above = valid_trials([make_trial(rate=7000.0), make_trial(rate=7001.0)])

    assert loader_bound_reason(at, 10_000.0) is None
    assert (
        "7,001 requests/s is 70 % of the 10,000 that the loader reached on a bare server, above 70 %"
        == loader_bound_reason(above, 10_000.0)
    )
    assert loader_bound_reason(above, None) is None


def test_a_busy_loader_is_the_bound(make_trial: Callable[..., Trial]) -> None:
    """Above 90 % of a core the loader has no head-room, whatever the rate; unknown CPU time proves nothing."""
    at, above, unknown = valid_trials([make_trial(loader_cpu_s=cpu_s) for cpu_s in (9.0, 9.1, None)])

    assert loader_bound_reason(at, 1e6) is None
    assert "the loader used 91 % of its core, above 90 %" == loader_bound_reason(above, 1e6)
    assert loader_bound_reason(unknown, None) is None


def test_a_loader_with_several_cores_has_them_all_for_head_room(make_trial: Callable[..., Trial]) -> None:
    """Nine seconds of CPU time in ten are a third of three cores."""
    trial = make_trial(loader_cpu_s=9.5)
    assert trial.result is not None
    three, busy = valid_trials(
        [
            dataclasses.replace(trial, result=dataclasses.replace(trial.result, loader_cpu_s=cpu_s, loader_cores=3))
            for cpu_s in (9.5, 28.5)
        ]
    )

    assert loader_bound_reason(three, 1e6) is None
    assert "the loader used 95 % of its 3 cores, above 90 %" == loader_bound_reason(busy, 1e6)


def test_the_ceiling_is_the_highest_rate_on_any_bare_server(make_trial: Callable[..., Trial]) -> None:
    """A slow server's bare app says how fast the server is, not the loader; void calibration says nothing."""
    calibration = [
        make_trial("bare-asgi@hypercorn", 2300.0, 0),
        make_trial("bare-asgi@uvicorn", 15_000.0, 0),
        make_trial("bare-asgi@uvicorn", 14_000.0, 0),
        make_trial("bare-asgi@other", 90_000.0, 0, failure="the server died"),
    ]

    assert {"bare-asgi@hypercorn": 2300.0, "bare-asgi@uvicorn": 15_000.0} == ceilings(calibration)
    assert {} == ceilings([])


def test_the_placebo_is_not_an_ordinary_trial(make_trial: Callable[..., Trial], make_run: Callable[..., Run]) -> None:
    """A contender's trials are those of its workload, without the second one that A/A needs."""
    ordinary = make_trial("a-sync@s")
    others = [make_trial("a-sync@s", placebo=True), make_trial("a-sync@s", workload="wait"), make_trial("b-sync@s")]

    assert (ordinary,) == trials.ordinary_trials(make_run([*others, ordinary]), "a-sync@s", "health")


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({}, False),
        ({"errors": {"timeout": 1}}, False),
        ({"errors": {"timeout": 20}}, True),
        ({"rate": 0.0, "errors": {"status": 3}}, True),
        ({"failure": "the server died"}, False),
        ({"driven": False}, False),
    ],
)
def test_a_server_that_leaves_its_clients_without_answers_gives_up(
    make_trial: Callable[..., Trial], seen: dict[str, Any], expected: bool
) -> None:
    """One request of thousands is borne, as for what counts; a server that died did not give up."""
    assert expected == gave_up(make_trial(**seen))


def test_a_connection_that_hangs_is_given_up(make_trial: Callable[..., Trial]) -> None:
    """Figures that cannot be true are the loader's fault, not the server's."""
    trial = make_trial()
    assert trial.result is not None

    assert gave_up(dataclasses.replace(trial, result=dataclasses.replace(trial.result, hanging=1)))
    impossible = dataclasses.replace(trial, result=dataclasses.replace(trial.result, duration_s=50.0))
    assert void_reason(impossible) is not None
    assert not gave_up(impossible)


def test_a_place_is_given_up_unless_it_went_well_where_no_less_is_asked() -> None:
    """Anything else was a bad moment."""
    bad, harder, easier = Place(5, 100), Place(5, 200), Place(5, 50)

    assert [bad] == given_up_at([bad], [])
    assert [bad] == given_up_at([bad], [easier])
    assert [] == given_up_at([bad], [easier, harder])
