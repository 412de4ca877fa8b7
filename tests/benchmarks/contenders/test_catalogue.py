from __future__ import annotations

import dataclasses
import http.client
import json

import pytest

from benchmarks.contenders import catalogue
from benchmarks.errors import InvalidValueError
from benchmarks.measure.server import running
from benchmarks.model import HEALTH_BODY


def test_ids_are_unique_and_read_as_the_design_says() -> None:
    """An id is framework-variant@server, and +bridge where there is one."""
    ids = [contender.id for contender in catalogue.CONTENDERS]

    assert len(set(ids)) == len(ids)
    assert {
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
    } == set(ids)


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
    """What holds of the connections of one holds of all: only the app, which comes last, is another."""
    options: dict[str, set[tuple[str, ...]]] = {}
    for contender in catalogue.CONTENDERS:
        options.setdefault(contender.server, set()).add(contender.arguments[:-1])

    assert {1} == {len(found) for found in options.values()}
    assert {contender.server for contender in catalogue.CONTENDERS} == {
        catalogue.find(name).server for name in catalogue.CEILINGS
    }


@pytest.mark.parametrize("name", catalogue.CEILINGS)
def test_a_contender_keeps_a_connection_beyond_a_thousand_requests(name: str) -> None:
    """Equal keep-alive: no server closes the connection under the loader, as Hypercorn's default would."""
    contender = catalogue.find(name)
    with running(contender, "/health/async") as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        try:
            connection.connect()
            first_socket = connection.sock
            for _ in range(1_100):
                connection.request("GET", "/health/async")
                body = connection.getresponse().read()
            assert first_socket is connection.sock
            assert HEALTH_BODY == json.loads(body)
        finally:
            connection.close()


def test_what_makes_a_contender_steady_is_a_fact_of_its_app() -> None:
    """Views on the server's own loop are; of one thread that serves all, every client waits for all the others."""
    apps = {contender.serving: catalogue.app_of(contender) for contender in catalogue.CONTENDERS}

    assert "fastapi-async@uvicorn" == catalogue.steadiest(catalogue.CONTENDERS)
    assert {"hypercorn+asgiref"} == {serving for serving, app in apps.items() if app is not None and app.is_serial}


def test_every_contender_with_a_view_can_be_recorded() -> None:
    """Its app has a twin with the recorder in it; a bare server has no view whose time could be explained."""
    apps = {contender: catalogue.app_of(contender) for contender in catalogue.CONTENDERS}

    for contender, app in apps.items():
        assert app is not None
        assert (contender.variant is None) == (app.recorded is None)


def test_a_contender_of_somebody_elses_has_no_app() -> None:
    """What it serves is not in the catalogue, and it is taken to be steady."""
    foreign = dataclasses.replace(catalogue.find("flask-async@hypercorn"), framework="x", arguments=("-m", "x"))

    assert catalogue.app_of(foreign) is None
    assert foreign.id == catalogue.steadiest([catalogue.find("flask-async@hypercorn"), foreign])
