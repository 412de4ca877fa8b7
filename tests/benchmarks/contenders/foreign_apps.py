"""Apps that the lab has never seen, as their frameworks' tutorials have them: files by their place in a project."""

from __future__ import annotations

FLASK_SHOP = {
    "shop/__init__.py": '''
"""A shop in Flask, with SQLAlchemy: the app, and what makes one."""

import os

from flask import Flask, request
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    article: Mapped[str]


def create_app():
    app = Flask(__name__)
    engine = create_engine(os.environ["SHOP_DATABASE"], connect_args={"timeout": 30})
    session = sessionmaker(engine)

    @app.get("/orders")
    def orders():
        with session() as reading:
            return {"orders": reading.scalar(select(func.count()).select_from(Order))}

    @app.post("/orders")
    def order():
        with session.begin() as writing:
            wanted = Order(article=request.get_json()["article"])
            writing.add(wanted)
            writing.flush()
            return {"id": wanted.id, "article": wanted.article}, 201

    return app


app = create_app()
''',
    # Run by the lab before each trial; each run leaves a line.
    "reset.py": """
import os
import sqlite3

with sqlite3.connect(os.environ["SHOP_DATABASE"][len("sqlite:///") :], timeout=30) as database:
    database.execute("create table if not exists orders (id integer primary key, article text not null)")
    database.execute("delete from orders")
with open(os.environ["SHOP_RESETS"], "a") as resets:
    print("reset", file=resets)
""",
}

FLASK_CATALOGUE = {
    "stock/__init__.py": """
import flask


def create_app(articles=20):
    app = flask.Flask(__name__)

    @app.get("/items")
    def items():
        return {"items": [{"id": number, "name": f"article {number}"} for number in range(articles)]}

    return app
""",
}

FASTAPI_NOTES = {
    "notes.py": '''
"""Notes in FastAPI, with aiosqlite."""

import contextlib
import os

import aiosqlite
from fastapi import FastAPI
from pydantic import BaseModel


class Note(BaseModel):
    id: int
    text: str


@contextlib.asynccontextmanager
async def lifespan(app):
    async with aiosqlite.connect(os.environ["NOTES_DATABASE"]) as database:
        await database.execute("create table if not exists notes (id integer primary key, text text)")
        await database.execute("insert or replace into notes values (1, 'buy tea')")
        await database.commit()
        app.state.database = database
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/notes/{number}")
async def note(number: int) -> Note:
    async with app.state.database.execute("select id, text from notes where id = ?", (number,)) as found:
        row = await found.fetchone()
    return Note(id=row[0], text=row[1])
''',
    "pyproject.toml": '[project]\nname = "notes"\n\n[tool.fastapi]\nentrypoint = "notes:app"\n',
}

LITESTAR_CLOCK = {
    "src/clock/app.py": '''
"""A clock in Litestar, below src: its answer is another each time."""

import time

from litestar import Litestar, get


@get("/now")
async def now() -> dict[str, float]:
    return {"now": time.time()}


def create_app() -> Litestar:
    return Litestar([now])
''',
    "src/clock/__init__.py": "",
}

DJANGO_SITE = {
    "manage.py": "import os, sys\n\nfrom django.core.management import execute_from_command_line\n\n"
    'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_of.settings")\nexecute_from_command_line(sys.argv)\n',
    "site_of/__init__.py": "",
    "site_of/settings.py": 'SECRET_KEY = "a test"\nALLOWED_HOSTS = ["site.example"]\nROOT_URLCONF = "site_of.urls"\n'
    'MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]\n',
    "site_of/urls.py": """
from django.http import JsonResponse
from django.urls import path


def stock(request):
    return JsonResponse({"articles": 7, "open": True})


urlpatterns = [path("stock/", stock)]
""",
    "site_of/wsgi.py": "import os\n\nfrom django.core.wsgi import get_wsgi_application\n\n"
    'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_of.settings")\napplication = get_wsgi_application()\n',
    "site_of/asgi.py": "import os\n\nfrom django.core.asgi import get_asgi_application\n\n"
    'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_of.settings")\napplication = get_asgi_application()\n',
}
