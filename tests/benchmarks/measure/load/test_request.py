"""The request of a load order: what goes over the wire, and how the builtin engine and Locust send it."""

from __future__ import annotations

import base64
import dataclasses
import itertools
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from benchmarks.contenders import own_python, targets
from benchmarks.measure.load.builtin import BuiltinEngine
from benchmarks.measure.load.engine import LoadEngine, LoadEngineError, LoadOrder
from benchmarks.measure.load.k6 import K6Engine
from benchmarks.measure.load.locust_engine import LocustEngine
from benchmarks.measure.load.order_check import check_order
from benchmarks.measure.load.request import request_bytes, requests
from benchmarks.measure.load.wire import decode_order, encode_order
from benchmarks.measure.server import running
from benchmarks.model import LoadProfile

ORDER = LoadOrder(
    host="127.0.0.1",
    port=8000,
    path="/orders",
    load=LoadProfile(vus=2, duration_s=0.4, warmup_s=0.1, timeout_s=5.0),
    expected_body_bytes=None,
)
BODY = json.dumps({"article": "tea", "pieces": 3}).encode()

APP = """
import flask

app = flask.Flask(__name__)

@app.post("/orders")
def order():
    article = flask.request.get_json()["article"]
    return {"article": article, "by": flask.request.headers["X-Shop"]}, 202
"""


def sent(**changes: object) -> bytes:
    """Return the request of an order that differs so from the usual one."""
    return request_bytes(dataclasses.replace(ORDER, **changes))  # type: ignore[arg-type]


def test_a_get_has_as_few_headers_as_http_allows() -> None:
    """Path and host, no more."""
    assert b"GET /orders HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n" == sent()


def test_a_body_comes_with_its_length() -> None:
    """Headers as given, then the length, then the body; a POST without one has length 0."""
    head, _, body = sent(
        method="POST", headers={"Content-Type": "application/json"}, body_base64=base64.b64encode(BODY).decode()
    ).partition(b"\r\n\r\n")
    assert BODY == body
    assert [
        b"POST /orders HTTP/1.1",
        b"Host: 127.0.0.1:8000",
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(BODY),
    ] == head.split(b"\r\n")
    assert b"Content-Length: 0\r\n" in sent(method="DELETE", headers={}) + sent(method="POST")


def test_a_host_of_the_persons_own_stays() -> None:
    """A header that is given stands in place of the lab's, however it is spelled."""
    assert [1, 1] == [sent(headers={name: "shop.example"}).lower().count(b"host:") for name in ("Host", "host")]


def test_values_differ_from_request_to_request_and_are_the_same_for_every_contender() -> None:
    """A sequence from the seed: each value once, in path, headers and body, the length as it then is."""
    text = '{"id": "{{$uuid}}", "n": {{$randomInt}}, "die": {{$randomInt 1 6}}}'
    order = dataclasses.replace(
        ORDER,
        method="PUT",
        path="/orders/{{$uuid}}",
        headers={"Idempotency-Key": "{{$uuid}}"},
        body_base64=base64.b64encode(text.encode()).decode(),
        seed=3,
    )
    first, second = (list(itertools.islice(requests(order), 50)) for _ in range(2))
    assert first == second
    assert 50 == len(set(first))
    assert first != list(itertools.islice(requests(dataclasses.replace(order, seed=4)), 50))
    for request in first:
        head, _, body = request.partition(b"\r\n\r\n")
        values = json.loads(body)
        assert f"Content-Length: {len(body)}".encode() in head
        assert 0 <= values["n"] <= 1000
        assert 1 <= values["die"] <= 6
        assert 36 == len(values["id"])
        assert b"{{" not in request


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"method": "HEAD"}, "HEAD"),
        ({"method": "G T"}, "GET, POST"),
        ({"headers": {"X Y": "1"}}, "X Y"),
        ({"headers": {"X": "1\r\nY: 2"}}, "X"),
    ],
)
def test_what_cannot_stand_in_a_request_is_refused(changes: dict[str, object], words: str) -> None:
    """Before anything is sent."""
    with pytest.raises(LoadEngineError, match=words):
        check_order(dataclasses.replace(ORDER, **changes))  # type: ignore[arg-type]


MIX = (
    dataclasses.replace(ORDER, path="/items", weight=3.0),
    dataclasses.replace(ORDER, method="DELETE", path="/orders/{{$uuid}}", weight=1.0),
)


def test_a_mix_asks_each_as_often_as_it_weighs() -> None:
    """In a random order from the seed, the same for every contender; the loader's process gets it whole."""
    order = dataclasses.replace(ORDER, mix=MIX, seed=3)
    first, second = (list(itertools.islice(requests(order), 2_000)) for _ in range(2))
    assert first == second
    assert first[:40] != list(itertools.islice(requests(dataclasses.replace(order, seed=4)), 40))
    deletions = [request for request in first if request.startswith(b"DELETE /orders/")]
    assert {request_bytes(MIX[0])} == set(first) - set(deletions)
    assert pytest.approx(500, rel=0.15) == len(deletions) == len(set(deletions))
    assert order == decode_order(encode_order(order))


def test_every_request_of_a_mix_is_checked() -> None:
    """Before anything is sent."""
    with pytest.raises(LoadEngineError, match="HEAD"):
        check_order(dataclasses.replace(ORDER, mix=(*MIX, dataclasses.replace(ORDER, method="HEAD"))))


@pytest.mark.parametrize("engine", [K6Engine, LocustEngine])
@pytest.mark.parametrize("changes", [{"path": "/orders/{{$uuid}}"}, {"mix": MIX}])
def test_an_engine_whose_requests_are_all_the_same_says_so(engine: type[LoadEngine], changes: dict[str, Any]) -> None:
    """It would send the placeholder itself, or the first request alone."""
    with pytest.raises(LoadEngineError, match="only the builtin engine"):
        check_order(dataclasses.replace(ORDER, **changes), engine.limits)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Serve a real app, and return its port."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "shop.py").write_text(APP, encoding="utf-8")
    where = own_python.surroundings(folder, sys.executable)
    with running(targets.find("shop:app@hypercorn", where).contender, "/orders") as server:
        yield server.port


@pytest.mark.parametrize(
    ("engine", "statuses", "errors"),
    [(BuiltinEngine, (), {}), (BuiltinEngine, (201,), {"status"}), (LocustEngine, (202,), {})],
)
def test_an_app_gets_method_headers_and_body(
    engine: Callable[[], LoadEngine], statuses: tuple[int, ...], errors: set[str], shop: int
) -> None:
    """A POST reaches a real app whole, under load; only the statuses that count are valid."""
    order = dataclasses.replace(
        ORDER,
        port=shop,
        method="POST",
        headers={"Content-Type": "application/json", "X-Shop": "corner"},
        body_base64=base64.b64encode(BODY).decode(),
        expected_body_base64=base64.b64encode(b'{"article":"tea","by":"corner"}\n').decode(),
        expected_body_bytes=32,
        statuses=statuses,
    )
    session = engine().start(order)
    try:
        result = session.result(30.0)
    finally:
        session.close()
    assert set(errors) == set(result.errors)
    assert bool(errors) == (result.completed == 0)
