"""Serves an app on copies of Flask and Werkzeug, in processes forked from this one, which has imported neither.

It reads the folder of the copies, one a line, and writes the exit status of each on a line; what the app and the bridge
say is in the folder's file ``told``.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from pathlib import Path

# What Flask, Werkzeug and the bridge import, beside each other.
OF_THESE = (
    *("asyncio", "blinker", "click", "concurrent.futures", "email.utils", "hashlib", "http.cookiejar", "http.server"),
    *("importlib.metadata", "itsdangerous", "jinja2", "logging", "mimetypes", "ssl", "tempfile", "urllib.parse"),
)


def main() -> None:
    """Fork for each folder."""
    for name in OF_THESE:
        importlib.import_module(name)
    assert not {"flask", "werkzeug"} & sys.modules.keys()
    gc.collect()
    gc.freeze()
    statuses = os.dup(1)
    for line in sys.stdin:
        folder = Path(line.rstrip("\n"))
        if (process_id := os.fork()) == 0:
            told = os.open(folder / "told", os.O_WRONLY | os.O_CREAT)
            os.dup2(told, 1)
            os.dup2(told, 2)
            sys.path.insert(0, str(folder))
            serve()
            sys.exit()
        _, status = os.waitpid(process_id, 0)
        os.write(statuses, b"%d\n" % os.waitstatus_to_exitcode(status))


def serve() -> None:
    """Serve an app by Flask and behind the bridge, and hold the answers against each other."""
    import logging  # noqa: PLC0415 (with what is below)

    from flask import Flask, abort, g, session  # noqa: PLC0415 (of the folder)

    from tests.flask_app.serving.asgi_client import ask  # noqa: PLC0415 (it imports Flask)

    logging.basicConfig(stream=sys.stdout, format="%(message)s")
    app = Flask("app")
    app.secret_key = "test"  # noqa: S105 - nothing is kept under it
    torn_down = []
    app.teardown_request(lambda _: torn_down.append(g.pop("key", None)))
    app.register_error_handler(418, lambda _: ("handled", 418))

    @app.get("/async")
    async def async_view() -> str:
        session["key"] = g.key = "async"
        return str(g.key)

    @app.get("/def")
    def view() -> str:
        session["key"] = g.key = "def"
        return str(g.key)

    @app.get("/fails")
    async def failing() -> str:
        abort(418)

    for path in ("/async", "/def", "/fails", "/nowhere"):
        plain, client = app.test_client().get(path), ask(app, path)
        assert (plain.status_code, plain.text) == (client.status, client.text), (plain, client.text)
        names = {name.lower().encode() for name, _ in plain.headers}
        assert names == {name for name, _ in client.sent[0]["headers"]}, (names, client.sent)
    assert [name for name in ("async", "def", None, None) for _ in range(2)] == torn_down, torn_down


if __name__ == "__main__":
    main()
