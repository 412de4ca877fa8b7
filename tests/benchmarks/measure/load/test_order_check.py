from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.measure.load.engine import LoadEngineError, LoadOrder
from benchmarks.measure.load.order_check import MAXIMUM_VUS, check_order


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1"])
def test_loopback_is_accepted(order: Callable[..., LoadOrder], host: str) -> None:
    """An order for loopback passes, in either family of addresses."""
    check_order(order(8080, host=host))


def test_no_warm_up_is_accepted(order: Callable[..., LoadOrder]) -> None:
    """A warm-up of zero length is a choice, not a mistake."""
    check_order(order(8080, warmup_s=0.0))


@pytest.mark.parametrize("host", ["192.0.2.1", "0.0.0.0", "example.org", "localhost", "2001:db8::1", ""])  # noqa: S104  # refused
def test_other_hosts_are_refused(order: Callable[..., LoadOrder], host: str) -> None:
    """Load goes to loopback only; a name is refused too, since it can point anywhere."""
    with pytest.raises(LoadEngineError, match=r"not a loopback address.*ask for 127\.0\.0\.1 or ::1"):
        check_order(order(8080, host=host))


@pytest.mark.parametrize("port", [0, -1, 65_536])
def test_impossible_port_is_refused(order: Callable[..., LoadOrder], port: int) -> None:
    """A port that does not exist is refused with the range that does."""
    with pytest.raises(LoadEngineError, match="1 to 65535"):
        check_order(order(port))


@pytest.mark.parametrize("path", ["", "health", "/a b", "/a\r\nX: y", "/健康", "/a\x00"])
def test_path_that_cannot_stand_in_a_request_is_refused(order: Callable[..., LoadOrder], path: str) -> None:
    """A path cannot smuggle a second line into the request."""
    with pytest.raises(LoadEngineError, match="cannot stand in a request"):
        check_order(order(8080, path=path))


def test_endless_path_is_refused(order: Callable[..., LoadOrder]) -> None:
    """A path longer than servers take is refused."""
    with pytest.raises(LoadEngineError, match=r"8,001 characters"):
        check_order(order(8080, path="/" * 8_001))


def test_negative_body_is_refused(order: Callable[..., LoadOrder]) -> None:
    """A body cannot be shorter than nothing."""
    with pytest.raises(LoadEngineError, match="0 or more"):
        check_order(order(8080, expected_body_bytes=-1))


@pytest.mark.parametrize("vus", [0, -1, MAXIMUM_VUS + 1])
def test_absurd_number_of_virtual_users_is_refused(order: Callable[..., LoadOrder], vus: int) -> None:
    """The message names the number and what would do."""
    with pytest.raises(LoadEngineError, match=rf"{vus} virtual users: ask for 1 to 10,000"):
        check_order(order(8080, vus=vus))


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf"), 1e6])
@pytest.mark.parametrize("field", ["duration_s", "timeout_s"])
def test_absurd_durations_are_refused(order: Callable[..., LoadOrder], field: str, seconds: float) -> None:
    """An interval and a timeout are longer than nothing and end in this lifetime."""
    with pytest.raises(LoadEngineError, match=f"of {seconds} s: ask for more than 0 and at most"):
        check_order(order(8080, **{field: seconds}))


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf"), 1e6])
def test_absurd_warm_up_is_refused(order: Callable[..., LoadOrder], seconds: float) -> None:
    """A warm-up may be nothing, but not less, and not endless."""
    with pytest.raises(LoadEngineError, match=f"of {seconds} s: ask for 0 and at most"):
        check_order(order(8080, warmup_s=seconds))


def test_too_few_open_files_is_refused_with_the_command_that_helps(order: Callable[..., LoadOrder]) -> None:
    """More virtual users than the shell allows open files are refused before anything starts."""
    resource = pytest.importorskip("resource", reason="Windows has no limit on open files to run into")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, before[1]))
    try:
        check_order(order(8080, vus=168))
        with pytest.raises(
            LoadEngineError, match=r"need 201 open files and this shell allows 200: run `ulimit -n 201`"
        ):
            check_order(order(8080, vus=169))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
