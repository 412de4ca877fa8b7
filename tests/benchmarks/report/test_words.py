from __future__ import annotations

import pytest

from benchmarks.judge.judgement import Judgement
from benchmarks.report.words import arrangement_name, connections, contender_name, keyword, serves, size_of, twins_of


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


@pytest.mark.parametrize(
    ("expected", "ratio"),
    [
        ("twice", 2.05),
        ("half", 0.49),
        ("a third", 0.34),
        ("1.7 times", 1.71),
        ("1.06 times", 1.06),
        ("123 times", 123.4),
        ("41 % fewer", 0.59),
    ],
)
def test_a_ratio_has_a_size_in_words(expected: str, ratio: float) -> None:
    """A word where there is one, and else a number."""
    assert expected == size_of(ratio)


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ("a serves twice the requests of b", "twice"),
        ("a serves 41 % fewer requests than b", "41 % fewer"),
        ("a serves as many requests as b", "as many"),
        ("Undecided: a over b", "undecided"),
        ("Not judged: a over b", "not judged"),
    ],
)
def test_a_finding_is_a_sentence(expected: str, found: str) -> None:
    """Whatever came out."""
    assert expected == serves("a", "b", found)
