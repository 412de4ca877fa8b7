import dataclasses
import os
import subprocess
import sys

import pytest

from flask_app import create_app
from flask_app.settings import Settings, SettingsError, settings_of

DATABASE_URLS = "a URL that begins with sqlite:// or postgresql://, with a port from 1 to 65535 if any"


def test_nothing_set_is_the_defaults() -> None:
    """An environment without LAB_ variables gives the defaults."""
    assert Settings() == Settings.from_environment({"PATH": "/bin", "LABEL": "x"})


def test_every_setting_is_read() -> None:
    """Each setting has its variable, and surrounding space does not matter."""
    environment = {
        "LAB_HEALTH_VARIANT": "async",
        "LAB_VERSION": " 7 ",
        "LAB_MAX_REQUEST_BODY_BYTES": "0",
        "LAB_WORKER_THREADS": "8",
        "LAB_DATABASE_URL": "postgresql://ada:secret@db/lab",
        "LAB_UPSTREAM_URLS": "http://one/health  https://two:8443/health?deep=1",
        "LAB_READY_TIMEOUT_MS": "700",
        "LAB_READY_WARN_MS": "0",
        "LAB_READY_CACHE_MS": "1000",
        "LAB_READY_DETAILS": "yes",
    }

    chosen = Settings.from_environment(environment)

    expected = Settings(
        health_variant="async",
        version=7,
        max_request_body_bytes=0,
        worker_threads=8,
        database_url="postgresql://ada:secret@db/lab",
        upstream_urls=("http://one/health", "https://two:8443/health?deep=1"),
        ready_timeout_ms=700,
        ready_warn_ms=0,
        ready_cache_ms=1_000,
        ready_details=True,
    )
    assert expected == chosen
    assert {f"LAB_{field.name.upper()}" for field in dataclasses.fields(Settings)} == environment.keys()


def test_no_version() -> None:
    """An API without a version says null."""
    assert Settings.from_environment({"LAB_VERSION": "null"}).version is None


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("LAB_HEALTH_VARIANT", "Async", "sync or async"),
        ("LAB_HEALTH_VARIANT", "", "sync or async"),
        ("LAB_VERSION", "1.0", "a whole number from 0, or null"),
        ("LAB_VERSION", "-1", "a whole number from 0, or null"),
        ("LAB_VERSION", "1_0", "a whole number from 0, or null"),
        ("LAB_VERSION", "٣", "a whole number from 0, or null"),
        ("LAB_VERSION", "9" * 5000, "a whole number from 0, or null"),
        ("LAB_MAX_REQUEST_BODY_BYTES", "64k", "a whole number of bytes from 0"),
        ("LAB_WORKER_THREADS", "0", "a whole number of threads from 1"),
        ("LAB_READY_TIMEOUT_MS", "soon", "a whole number of milliseconds from 1, a day at most"),
        ("LAB_READY_TIMEOUT_MS", "0", "a whole number of milliseconds from 1, a day at most"),
        ("LAB_READY_TIMEOUT_MS", "9" * 400, "a whole number of milliseconds from 1, a day at most"),
        ("LAB_READY_WARN_MS", "-1", "a whole number of milliseconds from 0, a day at most"),
        ("LAB_READY_CACHE_MS", "86400001", "a whole number of milliseconds from 0, a day at most"),
        ("LAB_READY_DETAILS", "true", "yes or no"),
    ],
)
def test_bad_value(variable: str, value: str, allowed: str) -> None:
    """A value that is not allowed is an error that names the variable, the value and what is allowed."""
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({variable: value})

    assert f"{variable}={value!r} is not allowed: it takes {allowed}." == str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        *(
            ("LAB_DATABASE_URL", url, DATABASE_URLS)
            for url in (
                *("mysql://ada:secret@db/lab", "postgresql+asyncpg://ada:secret@db", "", "secret", "postgresql:secret"),
                *("postgresql://ada:secret@db:notaport/lab", "postgresql://ada:secret@db:1:2/lab"),
                *("postgresql://ada:secret@db:0/lab", "postgresql://ada:secret@db:65536/lab"),
                *("postgresql://ada:secret@[::1", "postgresql:///lab?port=secret", "sqlite:", "sqlite:/secret"),
                *("sqlite://host/secret", "sqlite:///x?timeout=secret", "sqlite:///x?check_same_thread=secret"),
            )
        ),
        ("LAB_UPSTREAM_URLS", "ftp://ada:secret@one", "http:// or https:// URLs with spaces between"),
        ("LAB_UPSTREAM_URLS", "http://ada:secret@", "http:// or https:// URLs with spaces between"),
        *(
            ("LAB_UPSTREAM_URLS", url, "http:// or https:// URLs with spaces between")
            for url in (
                *("http://one:secret", "http://u:secret@one:notaport", "http://one:99999", "http://[::1"),
                *("http:secret", "http://one/\udcff"),
            )
        ),
    ],
)
def test_bad_secret(variable: str, value: str, allowed: str) -> None:
    """A secret that is not allowed is named and not quoted."""
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({variable: value})

    assert f"{variable} is not allowed: it takes {allowed}." == str(caught.value)


def test_near_miss_of_a_secret() -> None:
    """A name that is nearly a secret's has a value that is nearly one."""
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({"LAB_DATABASE_URI": "postgresql://ada:secret@db/lab"})

    assert "LAB_DATABASE_URI is unknown: did you mean LAB_DATABASE_URL? Rename it, or unset it." == str(caught.value)


def test_a_repr_tells_no_secret() -> None:
    """What is printed of settings has neither the database's URL nor those of upstreams."""
    settings = Settings(database_url="postgresql://ada:secret@db/lab", upstream_urls=("http://ada:secret@one",))

    assert "secret" not in repr(settings)


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("LAB_HEALTH_VARIENT", "LAB_HEALTH_VARIANT"),
        ("LAB_HEALTHVARIANT", "LAB_HEALTH_VARIANT"),
        ("LAB_VERSIONS", "LAB_VERSION"),
        ("LAB_MAX_REQUEST_BODY_BYTE", "LAB_MAX_REQUEST_BODY_BYTES"),
    ],
)
def test_near_miss(variable: str, meant: str) -> None:
    """A name that is nearly one of ours is an error that says which was meant, rather than ignored."""
    with pytest.raises(SettingsError, match=f"{variable}='1' is unknown: did you mean {meant}"):
        Settings.from_environment({variable: "1"})


def test_names_of_others_are_left_alone() -> None:
    """A LAB_ variable that is like none of ours belongs to somebody else."""
    assert Settings() == Settings.from_environment({"LAB_ROOM": "4", "LAB_SEED": "7"})


def test_the_app_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An app created without settings takes them from the environment."""
    monkeypatch.setenv("LAB_VERSION", "12")

    assert Settings(version=12) == settings_of(create_app())


def test_given_settings_win(monkeypatch: pytest.MonkeyPatch) -> None:
    """An app created with settings does not look at the environment."""
    monkeypatch.setenv("LAB_VERSION", "not even valid")

    assert Settings(version=3) == settings_of(create_app(Settings(version=3)))


def test_a_bad_setting_ends_the_process_with_a_sentence() -> None:
    """Status 1 and one line, that of the error, which tells no secret; no traceback."""
    ended = subprocess.run(
        [sys.executable, "-c", "import flask_app\nflask_app.create_app()"],
        env={**os.environ, "LAB_DATABASE_URL": "postgresql://u:secret@h:notaport/db"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert 1 == ended.returncode
    assert f"LAB_DATABASE_URL is not allowed: it takes {DATABASE_URLS}.\n" == ended.stderr
