"""Says who may do what: anybody may watch and guess, and only the presenter, who holds a token, can start anything."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any, Final

from flask import abort, current_app, request, session
from werkzeug.wrappers import Response

from benchmarks.live.page.listener import Address

SESSION: Final[Mapping[str, Any]] = {
    "SESSION_COOKIE_NAME": "viewer",
    "SESSION_COOKIE_SAMESITE": "Strict",
    "SESSION_REFRESH_EACH_REQUEST": False,
    "PERMANENT_SESSION_LIFETIME": 12 * 3600,
}
"""Of Flask, which signs the cookie by the app's secret: nobody can invent a viewer, and who reloads stays the same."""

_EXTENSION: Final = "live-access"


class Access:
    """The link of this process; a restart makes a new one.

    Args:
        host: Address that is listened on: it is a name of ours too.
    """

    def __init__(self, host: str) -> None:
        self._names = {
            name.lower() for name in ("localhost", socket.gethostname(), f"{socket.gethostname()}.local", host)
        }
        self._link = secrets.token_urlsafe(24)

    @property
    def link(self) -> str:
        """The token of the link that makes a presenter, once."""
        return self._link

    def redeem(self, link: str) -> bool:
        """Make the browser that asks a presenter's, if the link's token is the current one; the next is another."""
        if not secrets.compare_digest(link.encode(), self._link.encode()):
            return False
        self._link = secrets.token_urlsafe(24)
        session.permanent = session["presents"] = True
        return True

    def check_host(self) -> None:
        """Refuse a request that came under another's name: a foreign page can have its own name point here."""
        name = request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host
        if name.lower() not in self._names and not _is_address(name):
            abort(421, "This page is served under its address or this machine's name alone.")


def install(app: Any, access: Access) -> None:
    """Let the app know who may do what."""
    app.extensions[_EXTENSION] = access


def access() -> Access:
    """Return the app's."""
    held: Access = current_app.extensions[_EXTENSION]
    return held


def is_presenter() -> bool:
    """Say whether the request at hand is a presenter's."""
    return "presents" in session


def viewer_id() -> str | None:
    """Return the random id of the browser that asks; ``None`` when it has none, or none of ours."""
    given: str | None = session.get("id")
    return given


def welcome() -> str:
    """Return the random id of the browser that asks; one that is new gets one, with the answer."""
    if viewer_id() is None:
        session.permanent = True
        session["id"] = secrets.token_urlsafe(16)
    return str(session["id"])


def client() -> Address:
    """Return where the request at hand comes from: the other end of its connection."""
    return request.environ.get("REMOTE_ADDR", ""), int(request.environ.get("REMOTE_PORT", 0))


def check_same_origin() -> None:
    """Refuse what another site's page sends by this browser."""
    if request.headers.get("Origin") != request.host_url.rstrip("/"):
        abort(403, "Only this page itself may send that.")


def presenter_only(view: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Let only the presenter in, and only from this page itself; for async views."""

    @wraps(view)
    async def guarded(*args: Any, **kwargs: Any) -> Response | Any:
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
