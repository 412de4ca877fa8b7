"""How an upstream is asked, by both forms of the client, on a real socket."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from flask_app.health import http_client
from flask_app.health.http_client import ERRORS, Address, AsyncHttpClient, HttpClient

PATIENCE_S = 10.0


class Service(ThreadingHTTPServer):
    """A service that counts its connections."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.connections = 0
        self.requests = 0
        self.together = threading.Barrier(1)

    def address(self, path: str = "/") -> Address:
        """Return where to ask."""
        return Address.parse(f"http://127.0.0.1:{self.server_port}{path}")

    def handle_error(self, *_: Any) -> None:
        """Say nothing."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Service
    asked_before = False

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_GET(self) -> None:
        self.server.requests += 1
        self.asked_before, before = True, self.asked_before
        if self.path == "/never" or (self.path == "/once" and before):
            # Closed although somebody asks: the two met on the way.
            self.close_connection = True
            return
        if self.path == "/half":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwe")
            self.close_connection = True
            return
        self.server.together.wait(PATIENCE_S)
        self.send_response(200)
        self.send_header("Content-Length", "4")
        if self.path == "/last":
            # Said to nobody: the connection simply ends.
            self.close_connection = True
        self.end_headers()
        self.wfile.write(b"well")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def service() -> Iterator[Service]:
    """A service to ask."""
    with Service() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(client: HttpClient, address: Address) -> bytes:
    """Ask once, by ``def``."""
    with client.asked(address) as response:
        return b"".join(response.iter_stream())


async def ask_async(client: AsyncHttpClient, address: Address) -> bytes:
    """Ask once, by ``async def``."""
    async with client.asked(address) as response:
        return b"".join([chunk async for chunk in response.aiter_stream()])


def in_threads(addresses: list[Address]) -> list[bytes]:
    """Ask each in turn by one client."""
    with contextlib.closing(HttpClient(None, PATIENCE_S)) as client:
        return [ask(client, address) for address in addresses]


def on_a_loop(addresses: list[Address]) -> list[bytes]:
    """Ask each in turn by one client."""

    async def main() -> list[bytes]:
        client = AsyncHttpClient(None)
        try:
            return [await ask_async(client, address) for address in addresses]
        finally:
            await client.close()

    return asyncio.run(main())


def on_a_loop_each(addresses: list[Address]) -> list[bytes]:
    """Ask each in turn by one client, and on a loop of its own."""
    client = AsyncHttpClient(None, on_any_loop=True)
    try:
        return [asyncio.run(ask_async(client, address)) for address in addresses]
    finally:
        asyncio.run(client.close())


Asks = Callable[[list[Address]], list[bytes]]
every = pytest.mark.parametrize("asks", [in_threads, on_a_loop, on_a_loop_each])


@every
def test_one_after_another_share_a_connection(service: Service, asks: Asks) -> None:
    """It is kept when its answer has been read."""
    address = service.address()

    assert [b"well"] * 3 == asks([address] * 3)
    assert 1 == service.connections


@every
def test_a_connection_that_the_service_closed_is_not_used_again(
    service: Service, asks: Asks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor one that has been idle for too long; nobody notices."""
    address = service.address("/last")
    assert [b"well"] * 3 == asks([address] * 3)
    assert 3 == service.connections

    monkeypatch.setattr(http_client, "_KEPT_FOR_S", -1.0)
    assert [b"well"] * 2 == asks([service.address()] * 2)
    assert 5 == service.connections


@every
def test_a_connection_that_is_closed_while_it_is_asked_on_is_replaced(service: Service, asks: Asks) -> None:
    """A service may close what is idle at any time: it is well all the same."""
    assert [b"well"] * 3 == asks([service.address("/once")] * 3)
    assert (3, 5) == (service.connections, service.requests)


@every
def test_a_service_that_never_answers_is_asked_once(service: Service, asks: Asks) -> None:
    """On a connection that was new, nothing but the service is at fault."""
    with pytest.raises(ERRORS):
        asks([service.address("/never")])
    assert 1 == service.requests


@every
def test_each_address_has_connections_of_its_own(service: Service, asks: Asks) -> None:
    """One that is stuck never holds what another needs, even on the same machine."""
    assert [b"well"] * 2 == asks([service.address(), service.address()])
    assert 2 == service.connections


@every
def test_no_more_are_kept_than_are_wanted(service: Service, asks: Asks, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes back beyond that is closed."""
    monkeypatch.setattr(http_client, "_KEPT", 0)
    address = service.address()

    assert [b"well"] * 2 == asks([address] * 2)
    assert 2 == service.connections


@every
def test_a_service_may_break_off(service: Service, asks: Asks) -> None:
    """Half an answer is none."""
    with pytest.raises(ERRORS):
        asks([service.address("/half")])


@pytest.mark.parametrize("host", ["127.0.0.1", "the-machine", "there-or-not"])
def test_plain_sockets_look_up_names(service: Service, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """Of several addresses the first that can be connected to is asked."""
    found = {
        "the-machine": [(socket.AF_INET, "127.0.0.1")],
        "there-or-not": [(socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.1")],
    }

    def look_up(name: str, port: int, *_: Any, **__: Any) -> list[Any]:
        return [(family, socket.SOCK_STREAM, 6, "", (address, port)) for family, address in found[name]]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    assert [b"well"] == on_a_loop_each([Address.parse(f"http://{host}:{service.server_port}/")])


def test_plain_sockets_tell_that_nobody_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one of the known errors."""

    def look_up(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "nobody has it")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(ERRORS, match="nobody has it"):
        on_a_loop_each([Address.parse("http://nowhere.invalid/")])


@every
def test_a_service_that_is_not_there_is_one_of_the_known_errors(service: Service, asks: Asks) -> None:
    """By which a check tells it from a fault of its own."""
    service.server_close()

    with pytest.raises(ERRORS):
        asks([service.address()])


def test_many_are_asked_at_once(service: Service) -> None:
    """Each on a connection of its own, all of which are kept: the second time none is opened."""
    many = 20
    address = service.address()

    async def main() -> None:
        client = AsyncHttpClient(None)
        for _ in range(2):
            service.together = threading.Barrier(many)
            await asyncio.gather(*(ask_async(client, address) for _ in range(many)))
        await client.close()

    asyncio.run(main())
    assert many == service.connections


def test_loops_in_threads_share_what_is_kept(service: Service) -> None:
    """Whichever comes first takes it, and the rest connect."""
    many, rounds = 8, 25
    address = service.address()
    client = AsyncHttpClient(None, on_any_loop=True)

    def ask_again_and_again(_: int) -> list[bytes]:
        return [asyncio.run(ask_async(client, address)) for _ in range(rounds)]

    with ThreadPoolExecutor(many) as threads:
        assert [[b"well"] * rounds] * many == list(threads.map(ask_again_and_again, range(many)))
    assert service.connections <= many
    asyncio.run(client.close())


def test_no_more_ask_at_once_than_have_turns(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others wait for theirs, and a loop never opens connections without end."""
    monkeypatch.setattr(http_client, "_AT_ONCE", 3)
    address = service.address()

    async def main() -> None:
        client = AsyncHttpClient(None)
        assert [b"well"] * 12 == await asyncio.gather(*(ask_async(client, address) for _ in range(12)))
        await client.close()

    asyncio.run(main())
    assert service.connections <= 3


@pytest.mark.parametrize("on_any_loop", [False, True])
def test_one_that_is_given_up_leaves_nothing_behind(service: Service, *, on_any_loop: bool) -> None:
    """Its connection is closed, for an answer may still come on it, and its turn is another's."""
    service.together = threading.Barrier(2)
    address = service.address()

    async def main() -> bytes:
        client = AsyncHttpClient(None, on_any_loop=on_any_loop)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await ask_async(client, address)
        service.together.abort()
        service.together = threading.Barrier(1)
        answer = await ask_async(client, address)
        await client.close()
        return answer

    assert b"well" == asyncio.run(main())
    assert 2 == service.connections


@pytest.mark.parametrize(
    ("text", "origin", "target", "host"),
    [
        ("http://there", "http://there:80", b"/", b"there"),
        ("http://there:81/health?deep=1&x=a%20b", "http://there:81", b"/health?deep=1&x=a%20b", b"there:81"),
        ("https://me:secret@there/a", "https://there:443", b"/a", b"there"),
        ("http://[::1]:82/", "http://::1:82", b"/", b"[::1]:82"),
        ("http://bücher.example/größe?q=ü", "http://xn--bcher-kva.example:80", b"/gr%C3%B6%C3%9Fe?q=%C3%BC", None),
        (f"http://{'ü' * 70}/", f"http://{'?' * 70}:80", b"/", None),
    ],
)
def test_a_url_becomes_an_address(text: str, origin: str, target: bytes, host: bytes | None) -> None:
    """Every URL that settings take can be asked, or fails as a name that nobody has."""
    address = Address.parse(text)

    assert origin == str(address.url.origin)
    assert target == address.url.target
    if host is not None:
        assert host == dict(address.headers)[b"Host"]
    assert b"secret" not in bytes(address.url)


def test_credentials_become_a_header() -> None:
    """Percent-encoded signs stand for themselves."""
    headers = dict(Address.parse("http://me%40home:p%3Aw@there/").headers)

    assert b"Basic " + base64.b64encode(b"me@home:p:w") == headers[b"Authorization"]
    assert b"Authorization" not in dict(Address.parse("http://there/").headers)
