"""Decides who may do what: anybody may watch and guess, and only the presenter, who has a token, can start anything."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

from flask import abort, request, session

from benchmarks.live.page.listener import Address

_P = ParamSpec("_P")
_T = TypeVar("_T")

SESSION: Final[Mapping[str, Any]] = {
    "SESSION_COOKIE_NAME": "viewer",
    "SESSION_COOKIE_SAMESITE": "Strict",
    "SESSION_REFRESH_EACH_REQUEST": False,
    "PERMANENT_SESSION_LIFETIME": 12 * 3600,
}
"""For Flask, which signs the cookie with the app's secret: a viewer cannot be forged, and survives a reload."""


class Access:
    """The presenter's link of this process; a restart makes a new one.

    Args:
        host: Address that is listened on: one of the names of this page.
        on_next_link: Called with the next link when one has been used.
    """

    def __init__(self, host: str, on_next_link: Callable[[str], None]) -> None:
        self._names = {
            name.lower() for name in ("localhost", socket.gethostname(), f"{socket.gethostname()}.local", host)
        }
        self._on_next_link = on_next_link
        self.link = secrets.token_urlsafe(24)
        """The token of the link that makes a presenter, once."""

    def redeem(self, link: str) -> None:
        """Make the requesting browser the presenter's if the link's token is the current one, and replace the link."""
        check_same_origin()
        if not secrets.compare_digest(link.encode(), self.link.encode()):
            abort(403, "This link has been used. The terminal shows the next one.")
        self.link = secrets.token_urlsafe(24)
        session.permanent = session["presents"] = True
        self._on_next_link(self.link)

    async def check_host(self) -> None:
        """Refuse a request with a foreign host name: another site may let its own name point here."""
        name = request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host
        if name.lower() not in self._names and not _is_address(name):
            abort(421, "This page is served only under its address or this machine's name.")


def is_presenter() -> bool:
    """Return whether the current request is a presenter's."""
    return "presents" in session


def welcome() -> str:
    """Return the random id of the requesting browser; a new browser gets one with the answer."""
    if "id" not in session:
        session.permanent = True
        session["id"] = secrets.token_urlsafe(16)
    return str(session["id"])


def viewer() -> str:
    """Return the id of the browser that sends something from this page itself; refuse any other."""
    check_same_origin()
    if "id" not in session:
        abort(400, "Your browser sent no cookie of this page: allow cookies for it, reload the page, and guess again.")
    return str(session["id"])


def client() -> Address:
    """Return the other end of the current request's connection."""
    return request.environ.get("REMOTE_ADDR", ""), int(request.environ.get("REMOTE_PORT", 0))


def check_same_origin() -> None:
    """Refuse what another site's page sends through this browser."""
    if request.headers.get("Origin") != request.host_url.rstrip("/"):
        abort(403, "Only this page itself may send that.")


def presenter_only(view: Callable[_P, Awaitable[_T]]) -> Callable[_P, Awaitable[_T]]:
    """Admit only the presenter, and only from this page itself; for async views."""

    @wraps(view)
    async def guarded(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        check_same_origin()
        if not is_presenter():
            abort(403, "Only the presenter can do that: open the link that the terminal shows.")
        return await view(*args, **kwargs)

    return guarded


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
