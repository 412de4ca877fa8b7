"""The bare server of WSGI: an application with no framework, which answers the health body to any request.

As ``bare_asgi`` does for ASGI, it shows the ceiling of a server and of the loader.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.model import HEALTH_BODY

_BODY = json.dumps(dict(HEALTH_BODY), separators=(",", ":")).encode()
_HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(_BODY)))]


def app(_: dict[str, Any], start_response: Callable[[str, list[tuple[str, str]]], object]) -> Iterable[bytes]:
    """Answer every request with the health body (PEP 3333)."""
    start_response("200 OK", _HEADERS)
    return [_BODY]
