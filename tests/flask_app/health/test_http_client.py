"""How an upstream is asked, by both forms of the client, on a real socket."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import trustme

from flask_app.health import http_client
from flask_app.health.http_client import ERRORS, Address, AsyncHttpClient, HttpClient
from flask_app.health.streams import UnreachableError

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
        if self.path == "/flood":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(b"400\r\n" + b"x" * 0x400 + b"\r\n")
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
    with Service() as server, served(server):
        yield server


@contextlib.contextmanager
def tls_service(authority: trustme.CA) -> Iterator[Service]:
    """A service with TLS, whose name an authority vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with Service() as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        with served(server):
            yield server


@contextlib.contextmanager
def served(server: Service) -> Iterator[None]:
    """Serve in a thread."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield
    server.shutdown()
    thread.join()


def in_threads(addresses: list[Address]) -> list[int]:
    """Ask each in turn by one client."""
    with contextlib.closing(HttpClient(None, PATIENCE_S)) as client:
        return [client.status_of(address) for address in addresses]


def on_a_loop(addresses: list[Address]) -> list[int]:
    """Ask each in turn by one client."""

    async def main() -> list[int]:
        with contextlib.closing(AsyncHttpClient(None)) as client:
            return [await client.status_of(address) for address in addresses]

    return asyncio.run(main())


def on_a_loop_each(addresses: list[Address]) -> list[int]:
    """Ask each in turn by one client, and on a loop of its own."""
    with contextlib.closing(AsyncHttpClient(None, on_any_loop=True)) as client:
        return [asyncio.run(client.status_of(address)) for address in addresses]


Asks = Callable[[list[Address]], list[int]]
every = pytest.mark.parametrize("asks", [in_threads, on_a_loop, on_a_loop_each])


@every
def test_one_after_another_share_a_connection(service: Service, asks: Asks) -> None:
    """It is kept when its answer has been read."""
    address = service.address()

    assert [200] * 3 == asks([address] * 3)
    assert 1 == service.connections


@every
def test_a_connection_that_the_service_closed_is_not_used_again(
    service: Service, asks: Asks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor one that has been idle for too long; nobody notices."""
    address = service.address("/last")
    assert [200] * 3 == asks([address] * 3)
    assert 3 == service.connections

    monkeypatch.setattr(http_client, "_KEPT_FOR_S", -1.0)
    assert [200] * 2 == asks([service.address()] * 2)
    assert 5 == service.connections


@every
def test_a_connection_that_is_closed_while_it_is_asked_on_is_replaced(service: Service, asks: Asks) -> None:
    """A service may close what is idle at any time: it is well all the same."""
    assert [200] * 3 == asks([service.address("/once")] * 3)
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
    assert [200] * 2 == asks([service.address(), service.address()])
    assert 2 == service.connections


@every
def test_no_more_are_kept_than_are_wanted(service: Service, asks: Asks, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes back beyond that is closed."""
    monkeypatch.setattr(http_client, "_KEPT", 0)
    address = service.address()

    assert [200] * 2 == asks([address] * 2)
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
    assert [200] == on_a_loop_each([Address.parse(f"http://{host}:{service.server_port}/")])


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
            await asyncio.gather(*(client.status_of(address) for _ in range(many)))
        client.close()

    asyncio.run(main())
    assert many == service.connections


def test_loops_in_threads_share_what_is_kept(service: Service) -> None:
    """Whichever comes first takes it, and the rest connect."""
    many, rounds = 8, 25
    address = service.address()
    client = AsyncHttpClient(None, on_any_loop=True)

    def ask_again_and_again(_: int) -> list[int]:
        return [asyncio.run(client.status_of(address)) for _ in range(rounds)]

    with ThreadPoolExecutor(many) as threads:
        assert [[200] * rounds] * many == list(threads.map(ask_again_and_again, range(many)))
    assert service.connections <= many
    client.close()


def test_no_more_ask_at_once_than_have_turns(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others wait for theirs, and a loop never opens connections without end."""
    monkeypatch.setattr(http_client, "_AT_ONCE", 3)
    address = service.address()

    async def main() -> None:
        client = AsyncHttpClient(None)
        assert [200] * 12 == await asyncio.gather(*(client.status_of(address) for _ in range(12)))
        client.close()

    asyncio.run(main())
    assert service.connections <= 3


@pytest.mark.parametrize("on_any_loop", [False, True])
def test_one_that_is_given_up_leaves_nothing_behind(service: Service, *, on_any_loop: bool) -> None:
    """Its connection is closed, for an answer may still come on it, and its turn is another's."""
    service.together = threading.Barrier(2)
    address = service.address()

    async def main() -> int:
        client = AsyncHttpClient(None, on_any_loop=on_any_loop)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.status_of(address)
        service.together.abort()
        service.together = threading.Barrier(1)
        answer = await client.status_of(address)
        client.close()
        return answer

    assert 200 == asyncio.run(main())
    assert 2 == service.connections


def test_a_flood_is_not_read_to_its_end(service: Service) -> None:
    """The status has come long before."""
    for asks in (in_threads, on_a_loop, on_a_loop_each):
        assert [200] * 2 == asks([service.address("/flood")] * 2)
    assert 6 == service.connections


@pytest.mark.parametrize("on_any_loop", [False, True])
def test_a_service_with_tls_is_asked_by_its_name(on_any_loop: bool) -> None:
    """Its certificate is verified; its connection is kept where it may be."""
    authority = trustme.CA()
    vouched_for, strange = ssl.create_default_context(), ssl.create_default_context()
    authority.configure_trust(vouched_for)
    not_verified = pytest.raises(UnreachableError, match="CERTIFICATE_VERIFY_FAILED")
    with tls_service(authority) as service:
        address = Address.parse(f"https://localhost:{service.server_port}/")

        async def main() -> list[int]:
            with contextlib.closing(AsyncHttpClient(vouched_for, on_any_loop=on_any_loop)) as client:
                answers = [await client.status_of(address) for _ in range(3)]
            with contextlib.closing(AsyncHttpClient(strange, on_any_loop=on_any_loop)) as client, not_verified:
                await client.status_of(address)
            return answers

        assert [200] * 3 == asyncio.run(main())
        assert (3 if on_any_loop else 1) == service.connections

        with contextlib.closing(HttpClient(vouched_for, PATIENCE_S)) as client:
            assert [200] * 3 == [client.status_of(address) for _ in range(3)]
        with contextlib.closing(HttpClient(strange, PATIENCE_S)) as client, not_verified:
            client.status_of(address)
        assert (4 if on_any_loop else 2) == service.connections


def test_a_thread_gives_up_in_time() -> None:
    """By the time-out of its client, when the service says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = Address.parse(f"http://127.0.0.1:{silent.getsockname()[1]}/")
        with contextlib.closing(HttpClient(None, 0.05)) as client, pytest.raises(TimeoutError):
            client.status_of(address)


@pytest.mark.parametrize(
    ("text", "host", "port", "target", "named"),
    [
        ("http://there", "there", 80, "/", "there"),
        ("http://there:81/health?deep=1&x=a%20b", "there", 81, "/health?deep=1&x=a%20b", "there:81"),
        ("https://me:secret@there/a", "there", 443, "/a", "there"),
        ("http://[::1]:82/", "::1", 82, "/", "[::1]:82"),
        ("http://bücher.example/größe?q=ü", "xn--bcher-kva.example", 80, "/gr%C3%B6%C3%9Fe?q=%C3%BC", None),
        (f"http://{'ü' * 70}/", "?" * 70, 80, "/", None),
    ],
)
def test_a_url_becomes_an_address(text: str, host: str, port: int, target: str, named: str | None) -> None:
    """Every URL that settings take can be asked, or fails as a name that nobody has."""
    address = Address.parse(text)
    line, *headers, _, _ = address.request.decode("ascii").split("\r\n")

    assert (host, port, text.startswith("http:")) == (address.host, address.port, address.is_plain)
    assert f"GET {target} HTTP/1.1" == line
    assert f"Host: {named or host}" in headers
    assert "secret" not in f"{address} {address.request!r}"


@every
def test_a_name_that_nobody_can_have_is_not_reached(asks: Asks) -> None:
    """Nor is it looked up."""
    with pytest.raises(UnreachableError):
        asks([Address.parse(f"http://{'ü' * 70}/")])


def test_credentials_become_a_header() -> None:
    """Percent-encoded signs stand for themselves, and are told to nobody else."""
    address = Address.parse("http://me%40home:p%3Aw@there/")
    encoded = base64.b64encode(b"me@home:p:w")

    assert b"\r\nAuthorization: Basic " + encoded + b"\r\n" in address.request
    assert encoded.decode() not in repr(address)
    assert b"Authorization" not in Address.parse("http://there/").request
