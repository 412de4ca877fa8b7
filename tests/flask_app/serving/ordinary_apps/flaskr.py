"""A small blog with users, made as Flask's documentation teaches: a factory, blueprints, a connection in ``g``."""

from __future__ import annotations

import functools
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    flash,
    g,
    redirect,
    render_template,
    request,
    session,
    stream_with_context,
    url_for,
)
from jinja2 import DictLoader
from werkzeug.security import check_password_hash, generate_password_hash
from werkzeug.wrappers import Response as WerkzeugResponse

from tests.flask_app.serving.ordinary_apps.thread_use import streamed, watch, watch_views

SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE user (name TEXT PRIMARY KEY, password TEXT NOT NULL);
CREATE TABLE post (slug TEXT PRIMARY KEY, author TEXT NOT NULL REFERENCES user, title TEXT NOT NULL, body TEXT);
"""
EDITOR = "editor"
TEMPLATES = {
    "layout.html": """<!doctype html><title>{% block title %}{% endblock %} - Flaskr</title>
<nav>{% if g.user %}{{ g.user["name"] }} <a href="{{ url_for("auth.logout") }}">Log out</a>
{% else %}<a href="{{ url_for("auth.register") }}">Register</a> <a href="{{ url_for("auth.login") }}">Log in</a>
{% endif %}</nav>
{% for message in get_flashed_messages() %}<p class="flash">{{ message }}</p>{% endfor %}
{% block content %}{% endblock %}
""",
    "credentials.html": """{% extends "layout.html" %}{% block title %}{{ title }}{% endblock %}{% block content %}
<form method="post"><input name="name" required><input name="password" type="password" required>
<button>{{ title }}</button></form>{% endblock %}""",
    "index.html": """{% extends "layout.html" %}{% block title %}Posts{% endblock %}{% block content %}
{% for post in posts %}<article><h1>{{ post["title"] }}</h1><p>by {{ post["author"] }}</p><p>{{ post["body"] }}</p>
{% if g.user and g.user["name"] == post["author"] %}<a href="{{ url_for("blog.update", slug=post["slug"]) }}">Edit</a>
{% endif %}</article>{% else %}<p>Nothing yet.</p>{% endfor %}{% endblock %}""",
    "edit.html": """{% extends "layout.html" %}{% block title %}Edit{% endblock %}{% block content %}
<form method="post"><input name="title" value="{{ post["title"] }}"><textarea name="body">{{ post["body"] }}</textarea>
<button>Save</button></form>{% endblock %}""",
}

View = Callable[..., Any]
auth = Blueprint("auth", __name__, url_prefix="/auth")
blog = Blueprint("blog", __name__)

# Connections that were opened and not closed.
_open: set[int] = set()
_lock = threading.Lock()


def create_app(folder: Path) -> Flask:
    """Make the app, with a new database in a folder."""
    app = Flask("flaskr")
    app.config.from_mapping(SECRET_KEY="test", DATABASE=str(folder / "flaskr.sqlite"))  # noqa: S106 - kept nowhere
    app.jinja_loader = DictLoader(TEMPLATES)
    watch(app, lambda: len(_open))
    app.teardown_appcontext(close_db)
    app.register_blueprint(auth)
    app.register_blueprint(blog)
    app.add_url_rule("/", endpoint="index")
    watch_views(app)
    connection = sqlite3.connect(app.config["DATABASE"])
    connection.executescript(SCHEMA)
    with connection:
        connection.execute("INSERT INTO user VALUES (?, ?)", (EDITOR, "nobody's"))
        connection.execute("INSERT INTO post VALUES (?, ?, ?, ?)", ("welcome", EDITOR, "Welcome", "Write something."))
    connection.close()
    return app


def get_db() -> sqlite3.Connection:
    """Return the request's connection, which is opened for the first who asks."""
    if "db" not in g:
        g.db = sqlite3.connect(current_app.config["DATABASE"], timeout=10)
        g.db.row_factory = sqlite3.Row
        g.db.execute("PRAGMA synchronous = OFF")
        with _lock:
            _open.add(id(g.db))
    connection: sqlite3.Connection = g.db
    return connection


def close_db(_error: BaseException | None) -> None:
    """Close the request's connection, if it has one."""
    connection = g.pop("db", None)
    if connection is not None:
        connection.close()
        with _lock:
            _open.discard(id(connection))


@auth.before_app_request
def load_user() -> None:
    """Find who is logged in."""
    name = session.get("name")
    g.user = None
    if name is not None:
        g.user = get_db().execute("SELECT * FROM user WHERE name = ?", (name,)).fetchone()


def login_required(view: View) -> View:
    """Send whoever is not logged in to where they can."""

    @functools.wraps(view)
    def wrapped(**arguments: Any) -> Any:
        return redirect(url_for("auth.login")) if g.user is None else view(**arguments)

    return wrapped


@auth.route("/register", methods=["GET", "POST"])
def register() -> str | WerkzeugResponse:
    """Take in a new user."""
    if request.method == "POST":
        name, password = request.form["name"], request.form["password"]
        if name and password:
            try:
                with get_db() as db:
                    # Few rounds: a test has no time for a good hash.
                    hashed = generate_password_hash(password, "pbkdf2:sha256:100")
                    db.execute("INSERT INTO user VALUES (?, ?)", (name, hashed))
            except sqlite3.IntegrityError:
                flash(f"{name} is registered already.")
            else:
                return redirect(url_for("auth.login"))
        else:
            flash("Name and password are required.")
    return render_template("credentials.html", title="Register")


@auth.route("/login", methods=["GET", "POST"])
def login() -> str | WerkzeugResponse:
    """Log a user in."""
    if request.method == "POST":
        name = request.form["name"]
        user = get_db().execute("SELECT * FROM user WHERE name = ?", (name,)).fetchone()
        if user is not None and check_password_hash(user["password"], request.form["password"]):
            session.clear()
            session["name"] = name
            return redirect(url_for("index"))
        flash("Name and password do not match.")
    return render_template("credentials.html", title="Log in")


@auth.get("/logout")
def logout() -> WerkzeugResponse:
    """Forget who it was."""
    session.clear()
    return redirect(url_for("index"))


def posts_of(author: str) -> sqlite3.Cursor:
    """Find an author's posts."""
    return get_db().execute("SELECT * FROM post WHERE author = ? ORDER BY slug", (author,))


@blog.get("/")
def index() -> str:
    """Show the posts of an author."""
    return render_template("index.html", posts=posts_of(request.args.get("author", EDITOR)).fetchall())


@blog.get("/export")
def export() -> Response:
    """Bring an author's posts one by one, by a connection that is open meanwhile."""

    def lines() -> Iterator[str]:
        for post in posts_of(request.args["author"]):
            yield f"{post['slug']}: {post['title']}\n"

    return streamed(stream_with_context(lines()))


def own_post(slug: str) -> sqlite3.Row:
    """Return a post, which has to be the user's own."""
    post: sqlite3.Row | None = get_db().execute("SELECT * FROM post WHERE slug = ?", (slug,)).fetchone()
    if post is None:
        abort(404, f"There is no post {slug}.")
    if post["author"] != g.user["name"]:
        abort(403)
    return post


@blog.route("/create", methods=["GET", "POST"])
@login_required
def create() -> str | WerkzeugResponse:
    """Write a new post."""
    if request.method == "POST":
        title, body = request.form["title"], request.form["body"]
        if title:
            slug = title.lower().replace(" ", "-")
            with get_db() as db:
                db.execute("INSERT INTO post VALUES (?, ?, ?, ?)", (slug, g.user["name"], title, body))
            return redirect(url_for("blog.index", author=g.user["name"]))
        flash("A title is required.")
    return render_template("edit.html", post={"title": "", "body": ""})


@blog.route("/<slug>/update", methods=["GET", "POST"])
@login_required
def update(slug: str) -> str | WerkzeugResponse:
    """Write a post anew."""
    post = own_post(slug)
    if request.method == "POST":
        with get_db() as db:
            changed = (request.form["title"], request.form["body"], slug)
            db.execute("UPDATE post SET title = ?, body = ? WHERE slug = ?", changed)
        return redirect(url_for("blog.index", author=g.user["name"]))
    return render_template("edit.html", post=post)


@blog.post("/<slug>/delete")
@login_required
def delete(slug: str) -> WerkzeugResponse:
    """Remove a post."""
    own_post(slug)
    with get_db() as db:
        db.execute("DELETE FROM post WHERE slug = ?", (slug,))
    return redirect(url_for("blog.index", author=g.user["name"]))
