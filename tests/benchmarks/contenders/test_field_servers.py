"""Flask and FastAPI, the lab's own and as most people run them, on every server and bridge of the field."""

from __future__ import annotations

import http.client
import json

import pytest

from benchmarks.contenders import catalogue
from benchmarks.contenders.servers import SERVERS
from benchmarks.measure.server import running
from benchmarks.model import HEALTH_BODY
from tests.benchmarks.contenders.served_contenders import Twins, check_contract, named, started
from tests.benchmarks.contenders.test_field_frameworks import EVERYWHERE


@pytest.mark.parametrize("twins", started(lambda each: each.framework in EVERYWHERE), ids=named)
def test_an_app_answers_on_every_server(twins: Twins) -> None:
    """By one start of the server, as every framework does."""
    check_contract(twins)


@pytest.mark.parametrize("name", sorted(catalogue.BARE))
def test_a_server_keeps_a_connection_beyond_a_thousand_requests(name: str) -> None:
    """Equal keep-alive: no server closes the connection under the loader, as Hypercorn's default would, but for one."""
    contender = catalogue.find(name)
    interface = catalogue.FRAMEWORKS[contender.framework].interface
    is_closing = interface in SERVERS[contender.server].closing
    with running(contender, "/health/async") as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        try:
            connection.connect()
            first_socket = connection.sock
            for _ in range(1 if is_closing else 1_100):
                connection.request("GET", "/health/async")
                body = connection.getresponse().read()
            assert (None if is_closing else first_socket) is connection.sock
            assert HEALTH_BODY == json.loads(body)
        finally:
            connection.close()


def test_every_server_of_the_catalogue_serves_something() -> None:
    """A server that takes the lab's own apps has a bare one of each interface, by which the loader is calibrated."""
    assert set(SERVERS) == {contender.server for contender in catalogue.CONTENDERS}
    bare = {
        (catalogue.find(name).server, catalogue.FRAMEWORKS[catalogue.find(name).framework].interface)
        for name in catalogue.BARE
    }
    spoken = {(server.id, interface) for server in SERVERS.values() for interface in server.interfaces}

    # Each of these serves the apps of one framework alone.
    assert {("werkzeug", "wsgi"), ("aiohttp", "aiohttp"), ("sanic", "sanic")} == spoken - bare
