from __future__ import annotations

import pytest

from benchmarks.judge.judgement import Judgement
from benchmarks.report.words import arrangement_name, connections, contender_name, keyword, twins_of


@pytest.mark.parametrize(
    ("expected", "arrangement"),
    [
        ("FastAPI on uvicorn", "fastapi@uvicorn"),
        ("Flask on Hypercorn + asgiref", "flask@hypercorn+asgiref"),
        ("bottle on unit", "bottle@unit"),
        ("", ""),
        ("odd", "odd"),
    ],
)
def test_an_arrangement_is_spelled_out(expected: str, arrangement: str) -> None:
    """Frameworks and servers are written as they write themselves; one that is not known, as it is."""
    assert expected == arrangement_name(arrangement)


def test_a_contender_is_spelled_out() -> None:
    """Also one that has no view."""
    assert "Flask on Hypercorn + eventloop, async def" == contender_name("flask-async@hypercorn+eventloop")
    assert "bare on uvicorn" == contender_name("bare@uvicorn")
    assert "my-app:app on gunicorn" == contender_name("my-app:app@gunicorn")


def test_connections_are_counted_with_their_significant_digits() -> None:
    """In the singular too."""
    assert ("1 connection", "6.7 connections", "140 connections") == tuple(map(connections, (1, 6.68, 140.2)))


def test_a_variant_is_the_keyword() -> None:
    """What a reader of the code sees."""
    assert ["def", "async def", "the app"] == [keyword("sync"), keyword("async"), keyword(None)]


def test_twins_stand_together_without_the_bare_servers(judgement: Judgement) -> None:
    """Arrangements of one framework are neighbours, and each holds its twins."""
    twins = twins_of(judgement.summaries, "health")

    assert [
        "fastapi@hypercorn",
        "fastapi@uvicorn",
        "flask@hypercorn",
        "flask@hypercorn+asgiref",
        "flask@hypercorn+eventloop",
        "flask@uvicorn+eventloop",
    ] == list(twins)
    assert all(["sync", "async"] == [twin.variant for twin in pair] for pair in twins.values())
