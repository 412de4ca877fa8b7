from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from benchmarks.errors import LabError, RefusedError
from benchmarks.live.recorder.states import State
from benchmarks.live.recording import Recording
from benchmarks.live.why.shelf import CONTENDERS, Shelf, shipped
from benchmarks.live.why.views import NAVIGATION, SHELF, ways
from benchmarks.model import Contender
from tests.benchmarks.live.why.page import make_app

ORIGIN = {"Origin": "http://localhost"}
ORDER = {"contender": "fastapi-sync@uvicorn", "wait_ms": "20"}


async def never(_contender: Contender, _wait_ms: int) -> Recording:
    """Be called by mistake."""
    raise AssertionError


def client_of(record: Callable[[Contender, int], Awaitable[Recording]] = never) -> FlaskClient:
    """Return a client of the pages, of the presenter."""
    client = make_app(record).test_client()
    client.set_cookie("presenter", "yes")
    return client


@pytest.fixture(scope="module")
def viewer() -> FlaskClient:
    """A client of the pages, of anybody."""
    return make_app(never).test_client()


@pytest.mark.parametrize("path", ["/why/", "/why/loop", "/why/keywords"])
def test_each_page_is_there_and_has_nothing_inline(viewer: FlaskClient, path: str) -> None:
    """All scripts and styles are files, for the policy admits no others."""
    answer = viewer.get(path)

    assert 200 == answer.status_code
    assert "<style" not in answer.text
    assert " style=" not in answer.text
    assert "onclick" not in answer.text
    assert answer.text.count("<script") == answer.text.count('<script src="/why/static/')
    with viewer.application.test_request_context():
        assert path in {viewer.application.url_for(endpoint) for endpoint, _ in NAVIGATION}


@pytest.mark.parametrize("contender", [each.id for each in CONTENDERS])
@pytest.mark.parametrize("wait", [0, 20])
def test_every_contender_is_shown_beside_its_twin(viewer: FlaskClient, contender: str, wait: int) -> None:
    """Each span a button that says what it is."""
    answer = viewer.get("/why/", query_string={"contender": contender, "wait": wait})

    assert 200 == answer.status_code
    assert 2 == answer.text.count("data-burst")
    assert answer.text.count('<button type="button" class="span') == answer.text.count('aria-label="Request ')
    assert "What recording cost: a request took" in answer.text


def test_a_held_thread_is_drawn_behind(viewer: FlaskClient) -> None:
    """So that what happens in front of it can be pointed at: later buttons of a row lie above."""
    page = viewer.get("/why/?contender=flask-async@hypercorn&beside=none").text
    rows = [re.findall(r'data-state="([^"]*)"', row) for row in page.split('<div class="burst-row">')]

    held = [row for row in rows if State.HELD in row]
    assert held
    assert all(State.HELD == row[0] and State.HELD not in row[row.count(State.HELD) :] for row in held)


def test_each_span_has_an_id_of_its_own(viewer: FlaskClient) -> None:
    """Which a link may lead to."""
    page = viewer.get("/why/").text
    ids = re.findall(r'<button type="button" class="span [^"]*" id="([^"]*)"', page)

    assert ids
    assert len(ids) == len(set(ids))


def test_the_race_is_what_is_explained_first(viewer: FlaskClient) -> None:
    """Its contenders' views wait for nothing; the headline is counted from the spans, the usual twin's below it."""
    page = viewer.get("/why/").text

    assert ["async def on Flask starts 1 thread and 1 loop per request"] == re.findall("<h1.*?>(.*?)</h1>", page)
    assert ["def on Flask changes threads 4 times per request."] == re.findall('<p class="lead">(.*?)</p>', page)
    assert 3 == page.count("+1 thread, +1 loop")
    assert 'id="flask-async-hypercorn-0"' in page
    assert page.index('class="legend"') < page.index("data-burst")


@pytest.mark.parametrize(
    ("contender", "headline"),
    [
        ("fastapi-async@uvicorn", "async def on FastAPI stays on the server&#39;s event loop"),
        ("flask-sync@uvicorn+eventloop", "Flask on uvicorn + eventloop, def: changes threads twice per request"),
    ],
)
def test_a_headline_names_what_is_not_usual(viewer: FlaskClient, contender: str, headline: str) -> None:
    """A framework on its usual server by its name; what it is otherwise on, in full."""
    page = viewer.get("/why/", query_string={"contender": contender}).text

    assert [headline] == re.findall("<h1.*?>(.*?)</h1>", page)


def test_an_empty_choice_is_the_usual_one(viewer: FlaskClient) -> None:
    """As the form sends its first one, which is the twin."""
    assert 2 == viewer.get("/why/?contender=flask-async@hypercorn&beside=&wait=0").text.count("data-burst")


def test_contenders_have_peoples_names(viewer: FlaskClient) -> None:
    """With the id in a tooltip, and as the value of a choice."""
    for path in ("/why/", "/why/keywords"):
        page = viewer.get(path).text
        shown = re.sub("<[^>]*>", "", page)
        assert 0 == shown.count("flask-async@hypercorn")
        assert 'title="flask-async@hypercorn"' in page
    assert "Flask on Hypercorn, async def" in shown


@pytest.mark.parametrize("wait_ms", [0, 5])
def test_a_verdict_leads_to_its_timeline_and_its_line(viewer: FlaskClient, wait_ms: float) -> None:
    """Of the bursts that are most like the race; of contenders that are not on show, to nothing."""
    shelf: Shelf = viewer.application.extensions[SHELF]
    (_, timeline), (_, line) = ways(shelf, "flask-async@hypercorn+eventloop", "fastapi-sync@uvicorn", wait_ms)

    page = viewer.get(timeline).text
    for name in ("flask-async-hypercorn-eventloop", "fastapi-sync-uvicorn"):
        assert f'id="{name}-{20 if wait_ms else 0}"' in page
    path, _, anchor = line.partition("#")
    assert path in html.unescape(page)
    assert ["async def"] == re.findall(f'id="{anchor}".*?<mark>(.*?)</mark>', viewer.get(path).text)
    assert timeline.replace("fastapi-sync%40uvicorn", "flask-sync%40hypercorn%2Beventloop") in html.unescape(
        viewer.get(path).text
    )
    assert [] == ways(shelf, "litestar-async@uvicorn", "flask-sync@hypercorn", wait_ms)


def test_of_somebodys_app_the_line_is_not_known() -> None:
    """Its timeline is."""
    app = Contender(
        framework="shop:app", variant=None, server="uvicorn", arguments=(), description="", program="python"
    )
    shelf = Shelf(never, others=[app])

    assert 1 == len(ways(shelf, app.id, "flask-sync@hypercorn", 0))


def test_the_legend_has_what_is_drawn(viewer: FlaskClient) -> None:
    """And no more; each state once, with its meaning."""
    page = viewer.get("/why/").text
    drawn = set(re.findall(r'data-state="([^"]*)"', page))
    legend = re.findall(r'aria-hidden="true"></span>([^<]*)</dt><dd>([^<]+)</dd>', page)

    assert drawn == {state for state, _ in legend}
    assert len(drawn) == len(legend)


def test_nothing_or_another_can_be_beside_it(viewer: FlaskClient) -> None:
    """As is chosen."""
    alone = viewer.get("/why/?contender=flask-sync@hypercorn&beside=none").text
    pair = viewer.get("/why/?contender=flask-sync@hypercorn&beside=fastapi-async@uvicorn").text

    assert 1 == alone.count("data-burst")
    assert 2 == pair.count("data-burst")
    assert 'id="fastapi-async-uvicorn-0"' in pair


def test_a_contender_beside_itself_is_shown_once(viewer: FlaskClient) -> None:
    """One timeline is enough."""
    shown = viewer.get("/why/?contender=flask-sync@hypercorn&beside=flask-sync@hypercorn").text

    assert 1 == shown.count("data-burst")


@pytest.mark.parametrize(
    "path",
    [
        "/why/?contender=bare-asgi@uvicorn",
        "/why/?contender=*",
        "/why/?beside=nobody",
        "/why/?wait=7",
        "/why/keywords?flask=fastapi@uvicorn",
        "/why/keywords?fastapi=none",
        "/why/keywords?wait=50",
        "/why/trace/nobody/20.json",
        "/why/trace/flask-sync@hypercorn/21.json",
    ],
)
def test_what_is_not_on_show_is_not_found(viewer: FlaskClient, path: str) -> None:
    """Only what the catalogue and the page offer is."""
    assert 404 == viewer.get(path).status_code


def test_a_wait_that_is_no_number_is_the_usual_one(viewer: FlaskClient) -> None:
    """It is a page for people."""
    assert 'id="flask-async-hypercorn-0"' in viewer.get("/why/?wait=long").text


def test_a_trace_can_be_kept(viewer: FlaskClient) -> None:
    """Under a name that says what it is."""
    answer = viewer.get("/why/trace/flask-async@hypercorn+eventloop/0.json")

    assert "flask-async@hypercorn+eventloop-0ms.trace.json" in answer.headers["Content-Disposition"]
    assert "attachment" in answer.headers["Content-Disposition"]
    events = json.loads(answer.data)["traceEvents"]
    assert {"M", "X", "s", "t", "f"} == {event["ph"] for event in events}


def test_the_steps_are_sent_once(viewer: FlaskClient) -> None:
    """A browser that has them gets a 304; and they are small, for a class shares one Wi-Fi."""
    first = viewer.get("/why/loop/steps.json")
    second = viewer.get("/why/loop/steps.json", headers={"If-None-Match": first.headers["ETag"]})

    assert {"moments", "loop", "threads"} == set(first.get_json())
    assert len(first.data) < 64_000
    assert 304 == second.status_code


def test_the_twins_stand_side_by_side_for_both_frameworks(viewer: FlaskClient) -> None:
    """Each over its own burst; the lines that matter state their cost."""
    text = viewer.get("/why/keywords?wait=20").text

    assert 4 == text.count("data-burst")
    assert 4 == text.count('class="source"')
    assert "<mark>    async def</mark>" not in text
    assert 2 == text.count("<mark>async def</mark>")
    assert 2 == text.count("<mark>await</mark>")
    assert 'data-states="waiting" data-words="Line' in text
    assert "loop created" in text


def test_another_arrangement_of_the_twins_can_be_chosen(viewer: FlaskClient) -> None:
    """The same source, and other spans."""
    text = viewer.get("/why/keywords?flask=flask@hypercorn%2Beventloop&wait=0").text

    assert 'id="flask-async-hypercorn-eventloop-0"' in text
    assert "the server&#39;s own loop calls the view" in text


def test_only_the_presenter_is_offered_to_record(viewer: FlaskClient) -> None:
    """Others would be refused."""
    assert "data-record" not in viewer.get("/why/").text
    assert "data-record" in client_of().get("/why/").text


def test_only_the_presenter_can_have_something_recorded(viewer: FlaskClient) -> None:
    """And from this page alone."""
    assert 403 == viewer.post("/why/record", data=ORDER, headers=ORIGIN).status_code
    assert 403 == client_of().post("/why/record", data=ORDER, headers={"Origin": "http://elsewhere"}).status_code
    assert 405 == client_of().get("/why/record").status_code


def test_what_is_recorded_is_shown_from_then_on() -> None:
    """And said to be from here."""

    async def record(contender: Contender, wait_ms: int) -> Recording:
        return replace(shipped()[contender.id, wait_ms], recorded_at="2026-11-24T09:41:00+00:00")

    client = client_of(record)
    path = "/why/?contender=fastapi-sync@uvicorn&beside=none&wait=20"
    assert "Shipped with the lab" in client.get(path).text

    assert 200 == client.post("/why/record", data=ORDER, headers=ORIGIN).status_code
    assert "Recorded here at 09:41 UTC" in client.get(path).text


def test_somebodys_apps_are_shown_once_they_are_recorded(recording: Recording) -> None:
    """First of all, beside one another; nothing of them is shipped, and all are recorded together."""
    apps = [
        Contender(framework=name, variant=None, server="uvicorn", arguments=(), description="", program="python")
        for name in ("shop:app", "shop:other")
    ]

    async def record(_wait_ms: int) -> Sequence[Recording]:
        timeline = replace(recording.timeline, is_own=False)
        return [replace(recording, timeline=replace(timeline, contender=app.id)) for app in apps]

    client = make_app(never, apps, record).test_client()
    client.set_cookie("presenter", "yes")
    before = client.get("/why/?wait=20").text
    assert (2, 0) == (before.count("Not recorded on this machine yet"), before.count("data-burst"))
    assert 404 == client.get("/why/trace/shop:app@uvicorn/20.json").status_code

    order = {"contender": "shop:other@uvicorn", "wait_ms": "20"}
    assert 200 == client.post("/why/record", data=order, headers=ORIGIN).status_code
    after = client.get("/why/?wait=20").text
    assert (0, 2) == (after.count("Not recorded on this machine yet"), after.count("data-burst"))
    assert "Not seen: " in after
    assert 200 == client.get("/why/trace/shop:app@uvicorn/20.json").status_code
    assert 2 == client.get("/why/?contender=flask-sync@hypercorn").text.count("data-burst")


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"contender": "bare-asgi@uvicorn", "wait_ms": "20"},
        {"contender": "fastapi-*", "wait_ms": "20"},
        {"contender": "fastapi-sync@uvicorn", "wait_ms": "21"},
        {"contender": "fastapi-sync@uvicorn", "wait_ms": "all"},
    ],
)
def test_only_what_the_page_offers_is_recorded(order: dict[str, str]) -> None:
    """All else is a bad request."""
    assert 400 == client_of().post("/why/record", data=order, headers=ORIGIN).status_code


@pytest.mark.parametrize(("error", "status"), [(RefusedError("Busy."), 409), (LabError("It broke."), 502)])
def test_why_nothing_was_recorded_is_said(error: Exception, status: int) -> None:
    """In plain text, for the page to show."""

    async def record(_contender: Contender, _wait_ms: int) -> Recording:
        raise error

    answer = client_of(record).post("/why/record", data=ORDER, headers=ORIGIN)

    assert (status, str(error), "text/plain") == (answer.status_code, answer.text, answer.mimetype)


def test_one_recording_at_a_time() -> None:
    """The second is told to wait."""
    client = client_of()
    second: list[int] = []

    async def record(_contender: Contender, _wait_ms: int) -> Recording:
        answer = await asyncio.to_thread(client.post, "/why/record", data=ORDER, headers=ORIGIN)
        second.append(answer.status_code)
        raise LabError("Enough.")

    client = client_of(record)
    assert 502 == client.post("/why/record", data=ORDER, headers=ORIGIN).status_code
    assert [409] == second
