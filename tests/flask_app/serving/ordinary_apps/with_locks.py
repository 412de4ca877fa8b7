"""An app that takes a lock before each request, for its thread to give back, and keeps its user on the thread."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from flask import Flask, Response, g, request

from tests.flask_app.serving.ordinary_apps.thread_use import watch, watch_views

LOCKS = 4


def create_app(_folder: Path) -> Flask:
    """Make the app, which has no files."""
    locks = [threading.RLock() for _ in range(LOCKS)]
    # Behind each lock, which makes it safe.
    inside = [0] * LOCKS
    local = threading.local()
    app = Flask("with_locks")
    watch(app, lambda: sum(inside))

    @app.before_request
    def take() -> None:
        user = (request.view_args or {})["user"]
        g.number = int(user.rpartition("-")[2]) % LOCKS
        locks[g.number].acquire()
        inside[g.number] += 1
        g.found = f"{inside[g.number]} inside, {getattr(local, 'user', 'nobody')} left"
        local.user = user

    @app.after_request
    def say(response: Response) -> Response:
        response.headers["X-Found"] = f"{g.found}, {getattr(local, 'user', 'nobody')} here"
        return response

    @app.teardown_request
    def give_back(_error: BaseException | None) -> None:
        # A stream that has its request is torn down twice.
        number = g.pop("number", None)
        if number is not None:
            del local.user
            inside[number] -= 1
            locks[number].release()

    @app.get("/<user>")
    def read(user: str) -> str:
        return str(local.user)

    @app.get("/<user>/slow")
    async def slow(user: str) -> str:
        await asyncio.sleep(0.001)
        return user

    @app.get("/<user>/failing")
    def failing(user: str) -> str:
        raise LookupError(local.user)

    @app.errorhandler(LookupError)
    def handle(error: LookupError) -> tuple[str, int]:
        g.facts.note()
        return f"{error.args[0]} is not found, says {local.user}", 404

    watch_views(app)
    return app
