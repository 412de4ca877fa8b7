"""Refuses a load order that cannot or must not be carried out, and says what to ask for instead."""

from __future__ import annotations

import ipaddress
import math
import socket
import sys

from benchmarks.measure.load.engine import LoadEngineError, LoadOrder

MAXIMUM_VUS = 10_000
MAXIMUM_DURATION_S = 3_600.0
MAXIMUM_TIMEOUT_S = 600.0
MAXIMUM_SLICES = 10_000
MAXIMUM_RATE_PER_S = 1_000_000.0
MAXIMUM_PATH_CHARACTERS = 8_000

_DESCRIPTORS_BESIDE_CONNECTIONS = 32


def check_order(order: LoadOrder, *, beyond_loopback: bool = False) -> None:
    """Check that an order can be carried out, and that it goes to a server of this machine.

    Args:
        order: What is asked for.
        beyond_loopback: Whether any address of this machine will do: for loaders on machines of their own.
    Raises:
        LoadEngineError: It cannot or must not; the message names the value and what would do.
    """
    if beyond_loopback:
        check_own_address(order.host)
    else:
        _check_loopback(order.host)
    _check_target(order)
    load = order.load
    if not 1 <= load.vus <= MAXIMUM_VUS:
        raise LoadEngineError(f"{load.vus} virtual users: ask for 1 to {MAXIMUM_VUS:,}")
    _check_seconds("a measured interval", load.duration_s, maximum_s=MAXIMUM_DURATION_S)
    _check_seconds("a warm-up", load.warmup_s, maximum_s=MAXIMUM_DURATION_S, zero=True)
    _check_seconds("a timeout", load.timeout_s, maximum_s=MAXIMUM_TIMEOUT_S)
    if not 1 <= load.slices <= MAXIMUM_SLICES:
        raise LoadEngineError(f"an interval of {load.slices} slices: ask for 1 to {MAXIMUM_SLICES:,}")
    if load.rate_per_s is not None:
        _check_rate(load.rate_per_s, load.duration_s)
    _check_descriptors(load.vus)


def _check_loopback(host: str) -> None:
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise LoadEngineError(
            f"the host {host!r} is not a loopback address: load goes to this machine only, "
            "ask for 127.0.0.1 or ::1 and start the server there"
        )


def check_own_address(host: str) -> None:
    """Check that servers of this machine alone answer at an address.

    Raises:
        LoadEngineError: It is another machine's, nobody's, or stands for every address that there is.
    """
    try:
        address = ipaddress.ip_address(host)
        # Only a machine's own address can be bound, and one that is bound by all is nobody's.
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


def _check_target(order: LoadOrder) -> None:
    if not 1 <= order.port <= 65_535:
        raise LoadEngineError(f"the port {order.port} does not exist: ask for 1 to 65535")
    if not (order.path.startswith("/") and order.path.isascii() and order.path.isprintable() and " " not in order.path):
        raise LoadEngineError(
            f"the path {order.path!r} cannot stand in a request: it begins with / and has no spaces, "
            "line ends or characters beyond ASCII (write those as %XX)"
        )
    if len(order.path) > MAXIMUM_PATH_CHARACTERS:
        raise LoadEngineError(f"the path has {len(order.path):,} characters: servers take no more than about 8,000")
    if order.expected_body_bytes < 0:
        raise LoadEngineError(f"a body of {order.expected_body_bytes} bytes: ask for 0 or more")


def _check_seconds(what: str, value_s: float, *, maximum_s: float, zero: bool = False) -> None:
    if math.isfinite(value_s) and (0 < value_s <= maximum_s or (zero and value_s == 0)):
        return
    least = "0" if zero else "more than 0"
    raise LoadEngineError(f"{what} of {value_s} s: ask for {least} and at most {maximum_s:,.0f} s")


def _check_rate(rate_per_s: float, duration_s: float) -> None:
    if not 0 < rate_per_s <= MAXIMUM_RATE_PER_S:
        raise LoadEngineError(
            f"a rate of {rate_per_s:g}/s: ask for more than 0 and at most {MAXIMUM_RATE_PER_S:,.0f}/s"
        )
    if rate_per_s * duration_s < 1:
        raise LoadEngineError(
            f"at {rate_per_s:g}/s no request is due in {duration_s:g} s: ask for a higher rate or a longer interval"
        )


def _check_descriptors(vus: int) -> None:
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415  # exists on POSIX only

    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = vus + _DESCRIPTORS_BESIDE_CONNECTIONS
    if limit != resource.RLIM_INFINITY and limit < needed:
        raise LoadEngineError(
            f"{vus} virtual users need {needed} open files and this shell allows {limit}: "
            f"run `ulimit -n {needed}` first, or use fewer virtual users"
        )
