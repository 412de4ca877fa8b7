"""How an upstream is asked, in both forms, on a real socket."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gc
import socket
import ssl
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import trustme

from flask_app.health import upstreams
from flask_app.health.outcome import CheckFailedError
from flask_app.health.upstreams import LoopClient, ThreadClient, Upstream
from tests.flask_app.health.counting_service import PATIENCE_S, Service, served


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


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    until_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < until_s
        time.sleep(0.01)


def in_threads(asked: list[Upstream]) -> list[int]:
    """Ask each in turn by one client."""
    with contextlib.closing(ThreadClient(None, PATIENCE_S)) as client:
        return [client.status_of(upstream) for upstream in asked]


def on_a_loop(asked: list[Upstream]) -> list[int]:
    """Ask each in turn by one client."""

    async def main() -> list[int]:
        async with contextlib.aclosing(LoopClient(None)) as client:
            return [await client.status_of(upstream) for upstream in asked]

    return asyncio.run(main())


Asks = Callable[[list[Upstream]], list[int]]
every = pytest.mark.parametrize("asks", [in_threads, on_a_loop])


@every
def test_one_after_another_share_a_connection(service: Service, asks: Asks) -> None:
    """It is kept when its answer has been read."""
    upstream = service.upstream()

    assert [200] * 3 == asks([upstream] * 3)
    assert 1 == service.connections


@every
def test_a_connection_that_the_service_closed_is_not_used_again(service: Service, asks: Asks) -> None:
    """Nobody notices."""
    assert [200] * 3 == asks([service.upstream("/last")] * 3)
    assert 3 == service.connections


@every
def test_a_connection_that_is_closed_while_it_is_asked_on_is_replaced(service: Service, asks: Asks) -> None:
    """A service may close what is idle at any time: it is well all the same."""
    assert [200] * 3 == asks([service.upstream("/once")] * 3)
    assert (3, 5) == (service.connections, service.requests)


@every
def test_a_service_that_never_answers_is_asked_twice(service: Service, asks: Asks) -> None:
    """The first time it may only have closed what was idle."""
    with pytest.raises(CheckFailedError, match="broke off its answer"):
        asks([service.upstream("/never")])
    assert 2 == service.requests


@every
def test_each_upstream_has_connections_of_its_own(service: Service, asks: Asks) -> None:
    """One that is stuck never holds what another needs, even on the same machine."""
    assert [200] * 2 == asks([service.upstream(), service.upstream()])
    assert 2 == service.connections


@every
@pytest.mark.parametrize("path", ["/half", "/noise", "/endless-head"])
def test_a_service_may_break_off(service: Service, asks: Asks, path: str) -> None:
    """Half an answer is none, nor is what is no HTTP."""
    with pytest.raises(CheckFailedError, match="broke off its answer"):
        asks([service.upstream(path)])


@every
@pytest.mark.parametrize(("path", "status"), [("/continue", 200), ("/no-length", 200), ("/chunked", 503)])
def test_an_answer_has_many_forms(service: Service, asks: Asks, path: str, status: int) -> None:
    """A word ahead of it, no length but the end of the connection, or pieces."""
    assert [status] * 2 == asks([service.upstream(path)] * 2)


@every
def test_a_flood_is_not_read_to_its_end(service: Service, asks: Asks) -> None:
    """The status has come long before."""
    assert [200] * 2 == asks([service.upstream("/flood")] * 2)
    assert 2 == service.connections


@every
def test_a_service_that_is_not_there_could_not_be_reached(service: Service, asks: Asks) -> None:
    """As the check says."""
    service.server_close()

    with pytest.raises(CheckFailedError, match="could not be reached"):
        asks([service.upstream()])


@every
@pytest.mark.parametrize("host", ["nowhere.invalid", "ü" * 70, f"{'a' * 64}.invalid"])
def test_a_name_that_nobody_has_could_not_be_reached(monkeypatch: pytest.MonkeyPatch, asks: Asks, host: str) -> None:
    """Nor one that nobody can have."""

    def look_up(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "nobody has it")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(CheckFailedError, match="could not be reached"):
        asks([Upstream.parse(f"http://{host}/")])


@every
@pytest.mark.parametrize("host", ["localhost", "there-or-not"])
def test_of_several_addresses_one_that_can_be_connected_to_is_asked(
    service: Service, monkeypatch: pytest.MonkeyPatch, asks: Asks, host: str
) -> None:
    """A name may have one at which nobody listens."""
    found = [
        (socket.AF_INET6, ("::1", service.server_port, 0, 0)),
        (socket.AF_INET, ("127.0.0.1", service.server_port)),
    ]

    def look_up(*_: Any, **__: Any) -> list[Any]:
        return [(family, socket.SOCK_STREAM, 6, "", address) for family, address in found]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    assert [200] == asks([Upstream.parse(f"http://{host}:{service.server_port}/")])


def test_many_are_asked_at_once(service: Service) -> None:
    """Each on a connection of its own, all of which are kept: the second time none is opened."""
    many = 20
    upstream = service.upstream()

    async def main() -> None:
        async with contextlib.aclosing(LoopClient(None)) as client:
            for _ in range(2):
                service.together = threading.Barrier(many)
                await asyncio.gather(*(client.status_of(upstream) for _ in range(many)))

    asyncio.run(main())
    assert many == service.connections


def test_threads_share_what_is_kept(service: Service) -> None:
    """Whichever comes first takes it, and the rest connect."""
    many = 8
    upstream = service.upstream()
    with contextlib.closing(ThreadClient(None, PATIENCE_S)) as client, ThreadPoolExecutor(many) as threads:
        assert [200] * 200 == list(threads.map(client.status_of, [upstream] * 200))
    assert service.connections <= many


def test_no_more_ask_at_once_than_have_turns(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others wait for theirs, and a loop never opens connections without end."""
    monkeypatch.setattr(upstreams, "_AT_ONCE", 3)
    upstream = service.upstream()

    async def main() -> None:
        async with contextlib.aclosing(LoopClient(None)) as client:
            assert [200] * 12 == await asyncio.gather(*(client.status_of(upstream) for _ in range(12)))

    asyncio.run(main())
    assert service.connections <= 3


def test_one_that_is_given_up_leaves_nothing_behind(service: Service) -> None:
    """Its connection is closed, for an answer may still come on it, and its turn is another's."""
    service.together = threading.Barrier(2)
    upstream = service.upstream()

    async def main() -> int:
        async with contextlib.aclosing(LoopClient(None)) as client:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await client.status_of(upstream)
            service.together.abort()
            service.together = threading.Barrier(1)
            return await client.status_of(upstream)

    assert 200 == asyncio.run(main())
    assert 2 == service.connections


def test_a_loop_for_each_request_leaves_nothing_behind(service: Service) -> None:
    """A client is closed on the loop that used it: no connection stays open, and nothing is warned of."""
    upstream = service.upstream()

    async def main() -> int:
        async with contextlib.aclosing(LoopClient(None)) as client:
            return await client.status_of(upstream)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [200] * 5 == [asyncio.run(main(), debug=True) for _ in range(5)]
        gc.collect()
    assert 5 == service.connections
    wait_until(lambda: service.open_connections == 0)


def test_a_service_with_tls_is_asked_by_its_name() -> None:
    """Its certificate is verified, and its connection kept."""
    authority = trustme.CA()
    vouched_for, strange = ssl.create_default_context(), ssl.create_default_context()
    authority.configure_trust(vouched_for)
    not_verified = pytest.raises(CheckFailedError, match="could not be reached")
    with tls_service(authority) as service:
        upstream = Upstream.parse(f"https://localhost:{service.server_port}/")

        async def main() -> list[int]:
            async with contextlib.aclosing(LoopClient(vouched_for)) as client:
                answers = [await client.status_of(upstream) for _ in range(3)]
            async with contextlib.aclosing(LoopClient(strange)) as client:
                with not_verified:
                    await client.status_of(upstream)
            return answers

        assert [200] * 3 == asyncio.run(main())
        with contextlib.closing(ThreadClient(vouched_for, PATIENCE_S)) as client:
            assert [200] * 3 == [client.status_of(upstream) for _ in range(3)]
        with contextlib.closing(ThreadClient(strange, PATIENCE_S)) as client, not_verified:
            client.status_of(upstream)
        assert (2, 6) == (service.connections, service.requests)


def test_a_thread_gives_up_in_time() -> None:
    """By the time-out of its client, when the service says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        upstream = Upstream.parse(f"http://127.0.0.1:{silent.getsockname()[1]}/")
        with (
            contextlib.closing(ThreadClient(None, 0.05)) as client,
            pytest.raises(CheckFailedError, match="did not answer in time"),
        ):
            client.status_of(upstream)


@every
@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/health?deep=1&x=a%20b", "/health?deep=1&x=a%20b"),
        ("", "/"),
        ("/größe?q=ü", "/gr%C3%B6%C3%9Fe?q=%C3%BC"),
        ("/a#part", "/a"),
    ],
)
def test_every_url_that_settings_take_can_be_asked(service: Service, asks: Asks, path: str, target: str) -> None:
    """What is no ASCII is encoded."""
    assert [200] == asks([service.upstream(path)])
    assert [target] == service.targets


@every
def test_credentials_become_a_header(service: Service, asks: Asks) -> None:
    """Percent-encoded signs stand for themselves, and are told to nobody else."""
    upstream = Upstream.parse(f"http://me%40home:p%3Aw@127.0.0.1:{service.server_port}/")
    encoded = base64.b64encode(b"me@home:p:w").decode()

    assert [200, 200] == asks([upstream, service.upstream()])
    assert [f"Basic {encoded}", None] == service.authorizations
    assert "p%3Aw" not in upstream.url
    assert encoded not in repr(upstream)


@every
def test_what_a_service_sets_is_not_sent_back(service: Service, asks: Asks) -> None:
    """A cookie is of no use to a health check."""
    assert [200] * 2 == asks([service.upstream("/cookie")] * 2)
    assert [None] * 2 == service.cookies
