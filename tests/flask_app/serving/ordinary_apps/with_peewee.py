"""An app that opens Peewee's connection, which is the thread's, before each request and closes it at its teardown."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, request
from peewee import AutoField, CharField, Model, SqliteDatabase

from tests.flask_app.serving.ordinary_apps.thread_use import watch, watch_views


class CountingDatabase(SqliteDatabase):
    """A database that counts its open connections."""

    open = 0
    _counting = threading.Lock()

    def connect(self, *arguments: Any, **named: Any) -> Any:
        """Open this thread's connection."""
        opened = super().connect(*arguments, **named)
        with self._counting:
            self.open += bool(opened)
        return opened

    def close(self) -> Any:
        """Close this thread's connection."""
        closed = super().close()
        with self._counting:
            self.open -= bool(closed)
        return closed


def create_app(folder: Path) -> Flask:
    """Make the app, with a new database in a folder."""
    database = CountingDatabase(
        str(folder / "notes.sqlite"), pragmas={"journal_mode": "wal", "synchronous": 0}, timeout=10, autoconnect=False
    )

    class Note(Model):
        id = AutoField()
        user = CharField(index=True)
        text = CharField()

    Note.bind(database)
    with database.connection_context():
        database.create_tables([Note])
    app = Flask("with_peewee")
    watch(app, lambda: database.open)

    def notes() -> list[str]:
        user = (request.view_args or {})["user"]
        return [note.text for note in Note.select().where(Note.user == user).order_by(Note.id)]

    @app.before_request
    def connect() -> None:
        database.connect()
        g.notes = notes()

    @app.after_request
    def say(response: Response) -> Response:
        response.headers["X-Notes"] = str(len(notes()))
        return response

    @app.teardown_request
    def close(_error: BaseException | None) -> None:
        if not database.is_closed():
            database.close()

    @app.get("/<user>")
    def read(user: str) -> list[str]:
        return notes()

    @app.post("/<user>/<text>")
    def write(user: str, text: str) -> list[str]:
        with database.atomic("IMMEDIATE"):
            Note.create(user=user, text=text)
        return notes()

    @app.post("/<user>/undone")
    def undone(user: str) -> list[str]:
        with database.atomic("IMMEDIATE") as transaction:
            Note.create(user=user, text="undone")
            inside = notes()
            transaction.rollback()
        return inside

    @app.get("/<user>/slow")
    async def slow(user: str) -> list[str]:
        await asyncio.sleep(0.001)
        kept: list[str] = g.notes
        return kept

    watch_views(app)
    return app
