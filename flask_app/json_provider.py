"""Serialise JSON with orjson where it answers as Flask's own provider does, and with that one elsewhere."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Flask, Response
from flask.json.provider import DefaultJSONProvider
from werkzeug.datastructures import Headers

# What orjson would write in a form of its own goes to Flask's `default` instead, as under Flask's provider.
_AS_FLASK = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_APPEND_NEWLINE
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_DATACLASS
)


class OrjsonProvider(DefaultJSONProvider):
    """Flask's JSON provider, but for the speed of its answers.

    Only what it writes for a response is written by orjson; text beyond ASCII goes out as UTF-8, not escaped,
    and NaN, which JSON does not have, as null.
    """

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """Return a response of the arguments, serialised."""
        readable = self.compact is False or (self.compact is None and self._app.debug)
        if kwargs or len(args) != 1 or readable:
            return super().response(*args, **kwargs)  # type: ignore[return-value]  # of the app's response class
        try:
            body = orjson.dumps(args[0], self.default, _AS_FLASK)
        except orjson.JSONEncodeError:
            # An integer beyond 64 bits, a key that is no text: what Flask's provider knows better.
            return super().response(*args)  # type: ignore[return-value]
        # Both headers given, and the body as a list, there is nothing left for Werkzeug to work out.
        headers = Headers()
        headers.add("Content-Type", self.mimetype)
        headers.add("Content-Length", str(len(body)))
        return self._app.response_class([body], 200, headers)  # type: ignore[return-value, arg-type]


def init_app(app: Flask) -> None:
    """Make an app answer with it."""
    app.json = OrjsonProvider(app)
