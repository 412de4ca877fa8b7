"""An app with Pony's own integration, which enters a session of the thread before each request and leaves it after."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, request
from pony import orm
from pony.flask import Pony

from tests.flask_app.serving.ordinary_apps.thread_use import watch, watch_views


def create_app(folder: Path) -> Flask:
    """Make the app, with a new database in a folder."""
    file = folder / "items.sqlite"
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    database = orm.Database()

    class Item(database.Entity):  # type: ignore[misc, name-defined]  # Pony has no types
        user = orm.Required(str, index=True)
        name = orm.Required(str)

    database.bind(provider="sqlite", filename=str(file), timeout=10)
    database.generate_mapping(create_tables=True)

    @database.on_connect(provider="sqlite")  # type: ignore[untyped-decorator]  # as above
    def make_fast(_database: Any, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA synchronous = OFF")

    app = Flask("with_pony")
    left = [0]
    watch(app, lambda: left[0])

    # Called before Pony's own functions, and after them at the end.
    @app.before_request
    def find() -> None:
        g.found = orm.core.local.db_session is not None
        left[0] += g.found

    @app.teardown_request
    def leave(_error: BaseException | None) -> None:
        left[0] += orm.core.local.db_session is not None

    Pony(app)

    def names() -> list[str]:
        return sorted(item.name for item in Item.select_by_sql("SELECT * FROM Item WHERE user = $user", user_of()))

    def user_of() -> dict[str, str]:
        return {"user": (request.view_args or {})["user"]}

    @app.before_request
    def load() -> None:
        g.names = names()

    @app.after_request
    def say(response: Response) -> Response:
        response.headers["X-Found"] = f"a session: {g.found}, items: {len(names())}"
        return response

    _add_views(app, Item, names)
    watch_views(app)
    return app


def _add_views(app: Flask, item: Any, names: Callable[[], list[str]]) -> None:
    @app.get("/<user>")
    def read(user: str) -> list[str]:
        return names()

    @app.post("/<user>/<name>")
    def write(user: str, name: str) -> list[str]:
        # Pony commits when its session is left: at the teardown.
        item(user=user, name=name)
        return names()

    @app.post("/<user>/undone")
    def undone(user: str) -> list[str]:
        item(user=user, name="undone")
        inside = names()
        orm.rollback()
        return inside

    @app.get("/<user>/slow")
    async def slow(user: str) -> list[str]:
        await asyncio.sleep(0.001)
        kept: list[str] = g.names
        return kept
