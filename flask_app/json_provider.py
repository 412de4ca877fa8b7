"""Serialise JSON with orjson if its output equals that of Flask's own provider; otherwise use Flask's."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Flask, Response
from flask.json.provider import DefaultJSONProvider
from werkzeug.datastructures import Headers

# Types that orjson would write in its own format go to Flask's `default` instead, as with Flask's provider.
_AS_FLASK = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_APPEND_NEWLINE
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_DATACLASS
)


class OrjsonProvider(DefaultJSONProvider):
    """Flask's JSON provider with faster responses.

    Only responses use orjson. They contain non-ASCII text as UTF-8, not escaped, and NaN, which JSON lacks, as null.
    """

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """Return a response with the serialised arguments."""
        readable = self.compact is False or (self.compact is None and self._app.debug)
        if kwargs or len(args) != 1 or readable:
            return super().response(*args, **kwargs)  # type: ignore[return-value]  # of the app's response class
        try:
            body = orjson.dumps(args[0], self.default, _AS_FLASK)
        except orjson.JSONEncodeError:
            # For example an integer beyond 64 bits, or a key that is not text: Flask's provider can handle these.
            return super().response(*args)  # type: ignore[return-value]
        # With both headers set and the body as a list, Werkzeug has nothing left to compute.
        headers = Headers()
        headers.add("Content-Type", self.mimetype)
        headers.add("Content-Length", str(len(body)))
        return self._app.response_class([body], 200, headers)  # type: ignore[return-value, arg-type]


def init_app(app: Flask) -> None:
    """Make an app use it."""
    app.json = OrjsonProvider(app)
