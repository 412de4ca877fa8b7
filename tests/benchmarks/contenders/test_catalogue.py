from __future__ import annotations

import dataclasses
import re

import pytest

from benchmarks.contenders import catalogue, installed
from benchmarks.errors import InvalidValueError

USUAL = [
    "flask-sync@hypercorn",
    "flask-async@hypercorn",
    "flask-sync@hypercorn+asgiref",
    "flask-async@hypercorn+asgiref",
    "flask-sync@hypercorn+eventloop",
    "flask-async@hypercorn+eventloop",
    "flask-sync@uvicorn+eventloop",
    "flask-async@uvicorn+eventloop",
    "fastapi-sync@hypercorn",
    "fastapi-async@hypercorn",
    "fastapi-sync@uvicorn",
    "fastapi-async@uvicorn",
    "bare-asgi@hypercorn",
    "bare-asgi@uvicorn",
]


def test_ids_are_unique_and_read_as_the_design_says() -> None:
    """An id is framework-variant@server, and +bridge where there is one."""
    ids = [contender.id for contender in catalogue.CONTENDERS]

    assert len(set(ids)) == len(ids)
    assert [] == [name for name in ids if not re.fullmatch(r"[a-z]+(-[a-z]+)*@[a-z]+(-[a-z]+)?(\+[a-z0-9]+)?", name)]
    assert len(catalogue.FRAMEWORKS) == len({framework.name for framework in catalogue.FRAMEWORKS.values()})


def test_what_a_workshop_compares_is_a_part_of_the_field() -> None:
    """Twelve contenders and two bare servers are usual; the rest is there for whoever asks for it."""
    assert USUAL == [contender.id for contender in catalogue.USUAL]
    assert ["bare-asgi@hypercorn", "bare-asgi@uvicorn"] == list(catalogue.CEILINGS)
    assert 40 <= len({contender.arrangement for contender in catalogue.CONTENDERS})


@pytest.mark.parametrize(
    ("pattern", "selected"),
    [
        ("flask-*", USUAL[:8]),
        ("*-async@*", [name for name in USUAL if "-async@" in name]),
        ("fastapi-*@uvicorn", ["fastapi-sync@uvicorn", "fastapi-async@uvicorn"]),
        ("bare-*", USUAL[-2:]),
        ("flask-async@gunicorn-gthread", ["flask-async@gunicorn-gthread"]),
        ("starlette-*@uvicorn", ["starlette-sync@uvicorn", "starlette-async@uvicorn"]),
        ("flask-*@waitress", ["flask-sync@waitress", "flask-async@waitress"]),
        ("bare-wsgi@w*", ["bare-wsgi@waitress"]),
    ],
)
def test_a_pattern_means_the_usual_ones_where_it_matches_any(pattern: str, selected: list[str]) -> None:
    """What it selected before there was a field, it selects still; the field's are selected by what only they have."""
    assert selected == [contender.id for contender in catalogue.select([pattern])]


def test_the_loader_is_calibrated_on_the_servers_of_a_run() -> None:
    """On the usual ones always; and on those beneath the others, of the interface that is spoken there."""
    asked = ["litestar-async@granian", "plainflask-*@waitress", "aiohttp-*", "plainflask-sync@uvicorn+a2wsgi"]

    assert catalogue.CEILINGS == catalogue.ceilings_of(catalogue.USUAL)
    assert (*catalogue.CEILINGS, "bare-asgi@granian", "bare-wsgi@waitress") == catalogue.ceilings_of(
        catalogue.select(asked)
    )


def test_what_a_contender_lacks_is_known_before_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its framework, its bridge and its server, as pip names them; the usual ones come with the lab."""
    there = installed.version_here
    absent = {"django-ninja", "a2wsgi", "gevent", "gunicorn"}
    monkeypatch.setattr(installed, "version_here", lambda name: None if name in absent else there(name))
    found = {contender.id: installed.lacking(contender) for contender in catalogue.CONTENDERS}

    assert ("django-ninja", "gunicorn") == found["ninja-wsgi-sync@gunicorn-gthread"]
    assert ("a2wsgi",) == found["plainflask-sync@uvicorn+a2wsgi"]
    assert ("gunicorn", "gevent") == found["bare-wsgi@gunicorn-gevent"]
    assert () == found["django-sync@uvicorn"]
    assert set() == {found[name] for name in USUAL} - {()}


def test_an_older_server_lacks_an_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of gunicorn: it serves ASGI apps from version 24 on."""
    monkeypatch.setattr(installed, "version_here", lambda _name: "23.0.0")

    assert ("gunicorn>=24.0.0",) == installed.lacking(catalogue.find("fastapi-async@gunicorn"))
    assert () == installed.lacking(catalogue.find("flask-async@gunicorn"))


def test_a_pattern_selects_in_the_catalogues_order() -> None:
    """Shell patterns select; the order and the number of mentions do not matter."""
    selected = catalogue.select(["fastapi-async@uvicorn", "flask-*@hypercorn", "flask-sync@hypercorn"])

    assert ["flask-sync@hypercorn", "flask-async@hypercorn", "fastapi-async@uvicorn"] == [
        contender.id for contender in selected
    ]


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [
        ("flask-async@hypercron", "Did you mean flask-async@hypercorn?"),
        ("fastapi@uvicorn", "Did you mean fastapi-sync@uvicorn?"),
    ],
)
def test_an_unknown_contender_suggests_the_nearest(wrong: str, nearest: str) -> None:
    """A slip of the pen costs one more try, not a search."""
    with pytest.raises(InvalidValueError, match="lab contenders") as caught:
        catalogue.find(wrong)

    assert nearest in str(caught.value)


def test_twins_share_everything_but_the_keyword() -> None:
    """One factor at a time: both variants of an arrangement have the same start command."""
    by_arrangement: dict[str, set[tuple[str, ...]]] = {}
    for contender in catalogue.CONTENDERS:
        by_arrangement.setdefault(contender.arrangement, set()).add(contender.arguments)

    assert {1} == {len(commands) for commands in by_arrangement.values()}


def test_contenders_of_one_server_have_the_same_options() -> None:
    """What holds of the connections of one holds of all: only the app is another."""
    options: dict[tuple[str, str], set[tuple[str, ...]]] = {}
    for contender in catalogue.CONTENDERS:
        app = catalogue.app_of(contender)
        assert app is not None
        # A server that calls the app's function is told so, in an option or behind the name.
        target = app.target_on(contender.server)
        named = (f"{target}()", target, "--factory")
        rest = tuple(part for part in contender.arguments if part not in named)
        options.setdefault((contender.server, app.interface), set()).add(rest)

    assert {1} == {len(found) for found in options.values()}


def test_what_makes_a_contender_steady_is_a_fact_of_its_app() -> None:
    """Views on the server's own loop are; of one thread that serves all, every client waits for all the others."""
    assert "fastapi-async@uvicorn" == catalogue.steadiest(catalogue.CONTENDERS)
    assert {
        *("flask@hypercorn+asgiref", "plainflask@uvicorn+asgiref"),
        *("flask@gunicorn", "plainflask@gunicorn", "bare-wsgi@gunicorn"),
    } == {contender.arrangement for contender in catalogue.CONTENDERS if catalogue.is_serial(contender)}


def test_every_usual_contender_with_a_view_can_be_recorded() -> None:
    """Its app has a twin with the recorder in it; a bare server has no view whose time could be explained."""
    apps = {contender: catalogue.app_of(contender) for contender in catalogue.USUAL}

    for contender, app in apps.items():
        assert app is not None
        assert (contender.variant is None) == (app.recorded is None)


def test_a_contender_of_somebody_elses_has_no_app() -> None:
    """What it serves is not in the catalogue, and it is taken to be steady."""
    foreign = dataclasses.replace(catalogue.find("flask-async@hypercorn"), framework="x", arguments=("-m", "x"))

    assert catalogue.app_of(foreign) is None
    assert foreign.id == catalogue.steadiest([catalogue.find("flask-async@hypercorn"), foreign])
