"""Refuses a load order that cannot or must not be carried out, and says what to ask for instead."""

from __future__ import annotations

import ipaddress
import re
import socket
import sys
from collections.abc import Iterator

from benchmarks.measure.load.engine import Limits, LoadEngineError, LoadOrder
from benchmarks.measure.load.request import PLACEHOLDER, varies

MAXIMUM_VUS = 10_000
MAXIMUM_DURATION_S = 3_600.0
MAXIMUM_TIMEOUT_S = 600.0
MAXIMUM_SLICES = 10_000
MAXIMUM_RATE_PER_S = 1_000_000.0
MAXIMUM_PATH_CHARACTERS = 8_000

_DESCRIPTORS_BESIDE_CONNECTIONS = 32


def check_order(order: LoadOrder, limits: Limits | None = None, *, beyond_loopback: bool = False) -> None:
    """Check that an order can be carried out, and that it goes to a server of this machine.

    Args:
        order: The load.
        limits: Of the engine; ``None`` for no limits.
        beyond_loopback: Whether any address of this machine is allowed: for loaders on other machines.
    Raises:
        LoadEngineError: It cannot or must not; the message names the value and what is allowed.
    """
    if beyond_loopback:
        check_own_address(order.host)
    elif not _is_loopback(order.host):
        raise LoadEngineError(
            f"the host {order.host!r} is not a loopback address: load goes to this machine only, "
            "ask for 127.0.0.1 or ::1 and start the server there"
        )
    if limits is not None and not limits.slices and order.load.slices > 1:
        raise LoadEngineError("this load engine cannot hold its load between slices: ask for an interval of one piece")
    if limits is not None and not limits.varies and varies(order):
        raise LoadEngineError(
            "only the builtin engine mixes requests, and puts values in the place of {{$uuid}} and {{$randomInt}}"
        )
    for each in (order, *order.mix):
        for is_allowed, fault in _checks(each):
            if not is_allowed:
                raise LoadEngineError(fault)


def _checks(order: LoadOrder) -> Iterator[tuple[bool, str]]:
    """Yield whether each part of an order is allowed, and what is wrong if not."""
    path, load, rate_per_s = PLACEHOLDER.sub("0", order.path), order.load, order.load.rate_per_s
    yield 1 <= order.port <= 65_535, f"the port {order.port} does not exist: ask for 1 to 65535"
    yield (
        path.startswith("/") and path.isascii() and path.isprintable() and " " not in path,
        (
            f"the path {path!r} cannot stand in a request: it begins with / and has no spaces, "
            "line ends or characters beyond ASCII (write those as %XX)"
        ),
    )
    yield (
        len(path) <= MAXIMUM_PATH_CHARACTERS,
        f"the path has {len(path):,} characters: servers take no more than about 8,000",
    )
    length = order.expected_body_bytes
    yield length is None or length >= 0, f"a body of {length} bytes: ask for 0 or more"
    yield (
        re.fullmatch(r"[A-Z]+", order.method) is not None and order.method != "HEAD",
        f"the method {order.method!r}: ask for GET, POST, PUT, PATCH, DELETE or OPTIONS",
    )
    for name, value in order.headers.items():
        yield (
            re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) is not None and not re.search(r"[\r\n\0]", value),
            f"the header {name!r} cannot stand in a request",
        )
    yield 1 <= load.vus <= MAXIMUM_VUS, f"{load.vus} virtual users: ask for 1 to {MAXIMUM_VUS:,}"
    for what, value_s, most_s in (
        ("a measured interval", load.duration_s, MAXIMUM_DURATION_S),
        ("a timeout", load.timeout_s, MAXIMUM_TIMEOUT_S),
    ):
        yield 0 < value_s <= most_s, f"{what} of {value_s} s: ask for more than 0 and at most {most_s:,.0f} s"
    yield (
        0 <= load.warmup_s <= MAXIMUM_DURATION_S,
        f"a warm-up of {load.warmup_s} s: ask for 0 and at most {MAXIMUM_DURATION_S:,.0f} s",
    )
    yield (
        1 <= load.slices <= MAXIMUM_SLICES,
        f"an interval of {load.slices} slices: ask for 1 to {MAXIMUM_SLICES:,}",
    )
    if rate_per_s is not None:
        yield (
            0 < rate_per_s <= MAXIMUM_RATE_PER_S,
            f"a rate of {rate_per_s:g}/s: ask for more than 0 and at most {MAXIMUM_RATE_PER_S:,.0f}/s",
        )
        yield (
            rate_per_s * load.duration_s >= 1,
            (
                f"at {rate_per_s:g}/s no request is due in {load.duration_s:g} s: "
                "ask for a higher rate or a longer interval"
            ),
        )
    needed, allowed = load.vus + _DESCRIPTORS_BESIDE_CONNECTIONS, _allowed_descriptors()
    yield (
        allowed is None or needed <= allowed,
        (
            f"{load.vus} virtual users need {needed} open files and this shell allows {allowed}: "
            f"run `ulimit -n {needed}` first, or use fewer virtual users"
        ),
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_own_address(host: str) -> None:
    """Check that only servers of this machine answer at an address.

    Raises:
        LoadEngineError: It belongs to another machine or to none, or stands for every address.
    """
    try:
        address = ipaddress.ip_address(host)
        # Only a machine's own address can be bound.
        with socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET) as probe:
            probe.bind((host, 0))
        own = not address.is_unspecified
    except (ValueError, OSError):
        own = False
    if not own:
        raise LoadEngineError(
            f"{host!r} is not an address of this machine: load goes to servers of this machine only; `ip address` or "
            "`ipconfig` lists its addresses"
        )


def _allowed_descriptors() -> int | None:
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415  # exists on POSIX only

    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if limit == resource.RLIM_INFINITY else limit
