from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks import cli
from tests.benchmarks.live.page.served import Workshop, serve

PRESENTERS_OWN = ("/race", "/race/stop", "/guesses/new", "/stage", "/lineup")


@pytest.fixture(scope="module")
def presented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """A page, with its presenter's cookie, on which no test changes anything."""
    with serve(tmp_path_factory.mktemp("served") / "results") as served:
        served.present()
        yield served


def test_only_the_presenter_starts_anything(workshop: Workshop, small_race: Mapping[str, Any]) -> None:
    """A viewer may watch and guess; the link makes a presenter once, and is then replaced."""
    assert 200 == workshop.ask("GET", "/").status
    for path in PRESENTERS_OWN:
        refused = workshop.ask("POST", path, small_race)
        assert 403 == refused.status
        assert "Only the presenter can do that" in refused.body

    assert 403 == workshop.ask("GET", "/console").status
    assert "data-presents" not in workshop.ask("GET", "/stage").body

    path = workshop.presenter_link.removeprefix(workshop.url)
    assert "I present" in workshop.ask("GET", path).body
    assert "presenter" not in workshop.cookies

    taken = workshop.ask("POST", path)
    assert 303 == taken.status
    assert {"HttpOnly", "SameSite=Strict"} <= {part.strip() for part in taken.headers["set-cookie"].split(";")}
    assert 403 == workshop.ask("POST", path).status
    assert "/console" == taken.headers["location"]
    assert "Start the race" in workshop.ask("GET", "/console").body
    assert "Start the race" not in workshop.ask("GET", "/").body
    assert 409 == workshop.ask("POST", "/race/stop").status


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "null", "http://127.0.0.1:1"])
def test_what_another_sites_page_sends_is_refused(
    presented: Workshop, small_race: Mapping[str, Any], origin: str
) -> None:
    """Any page that is open in the presenter's browser can make it send requests."""
    for path in (*PRESENTERS_OWN, "/guess", "/presenter/x"):
        assert 403 == presented.ask("POST", path, small_race, {"Origin": origin}).status
    assert 200 == presented.ask("GET", "/", headers={"Host": "localhost"}).status
    assert 421 == presented.ask("GET", "/", headers={"Host": "elsewhere.example"}).status


def test_a_presenter_chooses_among_the_whole_field(presented: Workshop) -> None:
    """The usual contenders are open to the eye; what else is installed is in a part that unfolds."""
    usual, _, field = presented.ask("GET", "/console").body.partition("More frameworks and servers")

    assert 'value="flask-async@hypercorn+asgiref"' in usual
    assert 'value="starlette-async@uvicorn"' in field
    assert 'value="bare-asgi@uvicorn"' not in usual + field


def test_what_cannot_race_is_refused_with_what_can(presented: Workshop, small_race: Mapping[str, Any]) -> None:
    """Contenders come from the catalogue alone, numbers have bounds, and nothing is started."""
    for fields, status, told in (
        ({"contenders": ["flask-sync@hypercorn"]}, 422, "takes 2 to 4"),
        ({"contenders": ["flask-sync@hypercorn"] * 2}, 422, "2 to 4 different"),
        ({"contenders": ["flask-*", "fastapi-*"]}, 422, "`lab contenders` lists them all"),
        ({"contenders": ["bare-asgi@uvicorn", "flask-sync@hypercorn"]}, 422, "No contender with a view"),
        ({"contenders": "flask-sync@hypercorn"}, 422, "a list of contenders"),
        ({"wait_ms": 101}, 422, "from 0 to 100"),
        ({"wait_ms": -1}, 422, "from 0 to 100"),
        ({"wait_ms": True}, 422, "whole number"),
        ({"wait_ms": 1.5}, 422, "whole number"),
        ({"connections": 100_000}, 422, "from 1 to 200"),
        ({"rounds": 0}, 422, "from 2 to 20"),
        ({"rounds": None}, 422, "whole number"),
    ):
        refused = presented.ask("POST", "/race", {**small_race, **fields})
        assert status == refused.status, fields
        assert told in refused.body
        assert status == presented.ask("POST", "/lineup", {**small_race, **fields}).status
    assert 400 == presented.ask("POST", "/race", []).status
    assert 413 == presented.ask("POST", "/race", {"contenders": ["x" * 5_000]}).status
    assert 415 == presented.ask("POST", "/race").status
    state = presented.wait_for(lambda _: True)
    assert ("idle", True) == (state["phase"], state["guesses"]["open"])
    assert not presented.out.exists()


def test_every_answer_keeps_the_browser_at_home(presented: Workshop) -> None:
    """No inline script or style, no other host, no frame; errors too."""
    for path, status in (
        ("/", 200),
        ("/console", 200),
        ("/stage", 200),
        ("/static/live.js", 200),
        ("/palette.css", 200),
        ("/report", 404),
        ("/x", 404),
    ):
        answer = presented.ask("GET", path)
        assert status == answer.status
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy
        assert "nosniff" == answer.headers["x-content-type-options"]
    assert 404 == presented.ask("GET", "/static/..%2fviews.py").status


def test_the_stage_is_moved_by_steps(workshop: Workshop, small_race: Mapping[str, Any]) -> None:
    """Each from where the stage is; what races next is on the server, for the console and the stage."""
    workshop.present()
    assert 422 == workshop.ask("POST", "/stage", {"direction": "up", "place": "join-0"}).status
    assert 409 == workshop.ask("POST", "/stage", {"direction": "back", "place": "join-0"}).status
    assert 409 == workshop.ask("POST", "/stage", {"direction": "forward", "place": "race-0"}).status
    assert 204 == workshop.ask("POST", "/stage", {"direction": "forward", "place": "join-0"}).status
    assert 'data-scene="closed"' in workshop.another().ask("GET", "/stage").body
    workshop.ask("GET", "/")
    assert 409 == workshop.ask("POST", "/guess", {"flask": 1, "fastapi": 2}).status

    chosen = {**small_race, "contenders": ["fastapi-sync@uvicorn", "fastapi-async@uvicorn"], "connections": 7}
    assert 204 == workshop.ask("POST", "/lineup", chosen).status
    lineup = workshop.wait_for(lambda state: state["lineup"]["conditions"].startswith("7 connections"))["lineup"]
    assert chosen["contenders"] == [each["id"] for each in lineup["contenders"]]
    console = workshop.ask("GET", "/console").body
    assert 'value="fastapi-async@uvicorn" checked' in console
    assert 'value="7"' in console
    assert 404 == workshop.ask("GET", "/stage/why/0").status


def test_a_port_that_is_taken_is_told(presented: Workshop, tmp_path: Path) -> None:
    """The message says what to type instead."""
    again = CliRunner().invoke(
        cli.lab, ["live", "--port", str(presented.port), "--out", str(tmp_path)], prog_name="lab"
    )

    assert 1 == again.exit_code
    assert f"lab live --port {presented.port + 1}" in again.stderr


def test_the_class_is_let_in_by_an_address_and_a_code(
    presented: Workshop, serve_page: Callable[..., AbstractContextManager[Workshop]], tmp_path: Path
) -> None:
    """With --host 0.0.0.0 the page shows both; for this machine alone it shows neither."""
    with serve_page(tmp_path, host="0.0.0.0") as open_to_all:  # noqa: S104 (that is what is tried)
        shown = open_to_all.ask("GET", "/").body
        # The presenter's cookie need not cross the Wi-Fi.
        assert open_to_all.presenter_link.startswith("http://127.0.0.1:")
    assert f':{open_to_all.port}"' in shown.partition('aria-label="QR code of http://')[2][:60]
    assert "<svg" in shown

    assert "QR code" not in presented.another().ask("GET", "/").body
