from __future__ import annotations

import dataclasses

import pytest

from benchmarks.contenders import catalogue
from benchmarks.errors import LabError
from benchmarks.measure.workloads import HEALTH, USUAL, WAIT, WORKLOADS, offer_of, takes_part


def test_what_is_asked_unless_told_is_marked() -> None:
    """Readiness is asked on request: it starts a database."""
    assert ("health", "wait") == USUAL


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_workload_of_an_offer_expects_its_answer(name: str) -> None:
    """The expected answer is found by each of them, in a run that was read from a file too."""
    expected = (WORKLOADS[name].content_type, WORKLOADS[name].body)

    for workload in WORKLOADS[name].workloads:
        found = offer_of(dataclasses.replace(workload))
        assert expected == (found.content_type, found.body)


def test_an_answer_of_another_version_is_an_error() -> None:
    """It says which workload, and what to do."""
    with pytest.raises(LabError, match=r"'health' expects the answer 'teapot'.*resume the run with the version"):
        offer_of(dataclasses.replace(HEALTH, answer="teapot"))


@pytest.mark.parametrize(
    ("contender", "expected"), [("bare-asgi@uvicorn", (True, False)), ("fastapi-sync@uvicorn", (True, True))]
)
def test_a_bare_server_is_not_asked_to_wait(contender: str, expected: tuple[bool, bool]) -> None:
    """It has no view."""
    assert expected == tuple(takes_part(catalogue.find(contender), workload) for workload in (HEALTH, WAIT))
