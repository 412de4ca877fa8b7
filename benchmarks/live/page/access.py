"""Says who may do what: anybody may watch and guess, and only the presenter, who holds a token, can start anything."""

from __future__ import annotations

import ipaddress
import re
import secrets
import socket
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Final

from flask import abort, current_app, request
from werkzeug.wrappers import Response

VIEWER_COOKIE: Final = "viewer"
PRESENTER_COOKIE: Final = "presenter"

_EXTENSION: Final = "live-access"
_MOST_PRESENTERS: Final = 8
_VIEWER_ID: Final = re.compile(r"[A-Za-z0-9_-]{22}")


class Access:
    """Tokens of this process; a restart makes new ones.

    Args:
        host: Address that is listened on: it is a name of ours too.
    """

    def __init__(self, host: str) -> None:
        self._names = {
            name.lower() for name in ("localhost", socket.gethostname(), f"{socket.gethostname()}.local", host)
        }
        self._link = secrets.token_urlsafe(24)
        self._presenters: list[str] = []

    @property
    def link(self) -> str:
        """The token of the link that makes a presenter, once."""
        return self._link

    def redeem(self, link: str) -> str | None:
        """Take the token of a link, which is worth nothing from then on; the next has another.

        Returns:
            The token that a presenter's browser keeps; ``None`` when the link's is not the current one.
        """
        if not secrets.compare_digest(link.encode(), self._link.encode()):
            return None
        self._link = secrets.token_urlsafe(24)
        presenter = secrets.token_urlsafe(24)
        self._presenters = [*self._presenters, presenter][-_MOST_PRESENTERS:]
        return presenter

    def knows_presenter(self) -> bool:
        """Say whether the request at hand is a presenter's."""
        given = request.cookies.get(PRESENTER_COOKIE, "").encode()
        return any(secrets.compare_digest(given, token.encode()) for token in self._presenters)

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
    return access().knows_presenter()


def viewer_id() -> str | None:
    """Return the random id of the browser that asks; ``None`` when it has none, or none of ours."""
    given = request.cookies.get(VIEWER_COOKIE, "")
    return given if _VIEWER_ID.fullmatch(given) else None


def new_viewer_id() -> str:
    """Return a new random id."""
    return secrets.token_urlsafe(16)


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
