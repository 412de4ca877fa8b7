"""An app that keeps SQLAlchemy's ``scoped_session`` on each request's thread, and removes it at teardown."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, request
from sqlalchemy import create_engine, event, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, scoped_session, sessionmaker
from sqlalchemy.pool import QueuePool

from tests.flask_app.serving.ordinary_apps.thread_use import watch, watch_views


class Base(DeclarativeBase):
    """What the tables have in common."""


class Account(Base):
    """A user's money."""

    __tablename__ = "account"
    user: Mapped[str] = mapped_column(primary_key=True)
    balance: Mapped[int] = mapped_column(default=0)


class Draft(Base):
    """What a request writes and never commits."""

    __tablename__ = "draft"
    id: Mapped[int] = mapped_column(primary_key=True)
    user: Mapped[str]


def create_app(folder: Path) -> Flask:
    """Make the app, with a new database in a folder."""
    pool_size = 20
    engine = create_engine(
        f"sqlite:///{folder / 'accounts.sqlite'}",
        connect_args={"timeout": 10},
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=0,
    )
    pool = engine.pool
    assert isinstance(pool, QueuePool)
    event.listen(engine, "connect", _make_fast)
    Base.metadata.create_all(engine)
    session = scoped_session(sessionmaker(engine))
    app = Flask("with_sqlalchemy")
    watch(app, pool.checkedout)

    @app.before_request
    def load() -> None:
        user = (request.view_args or {})["user"]
        account = session.get(Account, user)
        if account is None:
            account = Account(user=user, balance=0)
            session.add(account)
            session.commit()
            session.refresh(account)
        g.account = account

    @app.after_request
    def say(response: Response) -> Response:
        # As the database has it now: what this session holds, and all drafts that it sees.
        seen = session.execute(
            select(Account.balance).where(Account.user == (request.view_args or {})["user"])
        ).scalar()
        drafts = session.execute(select(func.count()).select_from(Draft)).scalar()
        response.headers["X-Seen"] = f"balance {seen}, drafts {drafts}"
        return response

    @app.teardown_appcontext
    def remove(_error: BaseException | None) -> None:
        session.remove()

    @app.get("/<user>")
    def read(user: str) -> dict[str, Any]:
        return {"user": user, "balance": g.account.balance}

    @app.post("/<user>/pay/<int:amount>")
    def pay(user: str, amount: int) -> dict[str, Any]:
        g.account.balance += amount
        session.commit()
        return {"user": user, "balance": g.account.balance}

    @app.post("/<user>/draft")
    def draft(user: str) -> dict[str, Any]:
        session.add(Draft(user=user))
        session.flush()
        return {"drafts": [*session.execute(select(Draft.user)).scalars()]}

    @app.get("/<user>/slow")
    async def slow(user: str) -> dict[str, Any]:
        await asyncio.sleep(0.001)
        return {"user": user, "balance": g.account.balance}

    watch_views(app)
    return app


def _make_fast(connection: Any, _record: Any) -> None:
    connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF")
