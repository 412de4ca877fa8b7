"""Environments of somebody's: pinned packages, on another Python than the lab's where there is one.

Each is made once for a machine, in the folder for caches, and used until its file of pins changes.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sync-async-lab" / "foreign"
PINS = Path(__file__).parent

IMPORTED = {
    "foreign-wsgi": (
        *("flask.cli", "sqlalchemy.orm", "sqlalchemy.dialects.sqlite", "asgiref.wsgi", "waitress.runner"),
        *("gunicorn.app.wsgiapp", "gunicorn.workers.gthread", "gunicorn.workers.ggevent"),
        *("granian.cli", "granian.server", "uvicorn.main", "uvicorn.lifespan.on", "hypercorn.__main__"),
    ),
    "foreign-asgi": (
        *("fastapi", "aiosqlite", "litestar", "django.core.asgi", "django.core.wsgi", "django.urls"),
        *("uvicorn.main", "uvicorn.lifespan.on", "hypercorn.__main__", "granian.cli", "granian.server"),
        *("gunicorn.app.wsgiapp", "gunicorn.asgi"),
    ),
}
"""Modules that are compiled when an environment is made: the lab has apps' Pythons write none."""


def python_of(name: str) -> Path:
    """Return the Python of an environment, making it where it is not; without packages skip, or fail in CI."""
    try:
        return _made(name)
    except (OSError, subprocess.SubprocessError) as error:
        told = getattr(error, "stderr", None) or str(error)
        lack = f"the environment {name} could not be made: {told[-500:]}"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(lack)


@functools.cache
def _made(name: str) -> Path:
    base, pins = another_python(), PINS / f"{name}.txt"
    key = hashlib.sha256(pins.read_bytes() + f"{base} {IMPORTED[name]}".encode()).hexdigest()[:12]
    folder = CACHE / f"{name}-{key}"
    python, is_ready = folder / "bin" / "python", folder / ".ready"
    CACHE.mkdir(parents=True, exist_ok=True)
    # Tests run in several processes, and each may be the first.
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_ready.exists():
            for old in CACHE.glob(f"{name}-*"):
                shutil.rmtree(old)
            uv = Path(sys.prefix, "bin", "uv")
            if uv.exists():
                _run(str(uv), "venv", "--quiet", "--python", base, str(folder))
                _run(
                    str(uv),
                    "pip",
                    "install",
                    "--quiet",
                    "--no-deps",
                    "--require-hashes",
                    "--python",
                    str(python),
                    "-r",
                    str(pins),
                )
            else:
                _run(base, "-m", "venv", str(folder))
                _run(str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "-r", str(pins))
            _run(str(python), "-c", "\n".join(f"import {module}" for module in IMPORTED[name]))
            is_ready.touch()
    return python


def _run(*command: str) -> None:
    kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")}
    subprocess.run(command, env=kept, check=True, capture_output=True, text=True, timeout=400)


@functools.cache
def another_python() -> str:
    """Return a Python of another version than the lab's, or its own where there is none."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    for version in ("3.13", "3.12"):
        beside = sorted(str(path) for path in versions.glob(f"{version}.*/bin/python"))
        for python in (*beside, shutil.which(f"python{version}")):
            if python is not None and version != own and _version(python) == version:
                return python
    return sys.executable


def _version(python: str) -> str:
    """Return the version of a Python that can make environments; a name of pyenv's may stand for none."""
    source = "import ensurepip, sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([python, "-c", source], capture_output=True, text=True, check=False).stdout.strip()
