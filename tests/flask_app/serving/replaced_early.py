"""An app whose Flask was replaced, step by step, before the bridge was so much as imported."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Sequence

import flask
import pytest
from flask import Flask
from flask.ctx import AppContext, RequestContext

from tests.flask_app.serving.replacing import WRAPPERS, replace_code


class Messages(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.kept.append(record.getMessage())


def main(ways: Sequence[str], names: Sequence[str]) -> None:
    """Print for each way a line of JSON: which of the steps were called, what was answered, and what was logged.

    Args:
        ways: How steps are replaced, each in a process of its own, forked from this one.
        names: Of the steps, each with its class.
    """
    for way in ways:
        if (process_id := os.fork()) == 0:
            replace(way, names)
            sys.exit()
        _, status = os.waitpid(process_id, 0)
        if status:
            sys.exit(os.waitstatus_to_exitcode(status))


def replace(way: str, names: Sequence[str]) -> None:
    """Replace the steps in a way, ask an app behind the bridge, and print what is to be told."""
    owners = {owner.__name__: owner for owner in (Flask, RequestContext, AppContext)}
    called: set[str] = set()
    patch = pytest.MonkeyPatch()
    for name in names:
        owner, step = name.split(".")
        function = getattr(owners[owner], step)

        def note(name: str = name) -> None:
            called.add(name)

        if way == "code":
            replace_code(patch, function, note)
        else:
            patch.setattr(owners[owner], step, WRAPPERS[way](function, note))
    assert "flask_app.serving.bridge" not in sys.modules
    from flask_app.serving.bridge import EventLoopBridge  # noqa: PLC0415 - not before that
    from tests.flask_app.serving.asgi_client import Client  # noqa: PLC0415 - it imports the bridge

    app = flask.Flask("replaced")

    @app.get("/")
    async def view() -> str:
        return "text"

    messages = Messages()
    logging.getLogger().addHandler(messages)
    client = Client()
    asyncio.run(client.ask(EventLoopBridge(app)))
    print(json.dumps({"called": sorted(called), "answer": client.text, "logged": messages.kept}))  # noqa: T201 - read by the test


if __name__ == "__main__":
    main(sys.argv[1].split(","), sys.argv[2:])
