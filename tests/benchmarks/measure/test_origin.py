"""Where a server's modules come from: its own tree, or another's."""

from __future__ import annotations

import dataclasses
import sys
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.contenders import own_python, targets
from benchmarks.errors import RefusedError
from benchmarks.measure import origin
from benchmarks.model import Contender, Workload
from tests.benchmarks.git_repositories import write

HOME, ONE, PREFIX = Path("/home/me/shop"), Path("/tmp/lab-base"), Path("/home/me/shop/.venv")  # noqa: S108 # a name
SITE = f"{PREFIX}/lib/python3.13/site-packages"
ITEMS = (Workload(name="items", path="/items", answer="alike"),)
APP = """
def app(environ, start_response):
    from shop import prices
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [prices.PRICE]
"""


def seen(files: Mapping[str, str], *path: str) -> dict[str, Any]:
    """Return what a process tells."""
    return {"files": files, "path": ["", *path], "prefix": str(PREFIX)}


@pytest.mark.parametrize(
    ("files", "path", "own", "foreign"),
    [
        # Its own, by whatever path, and its environment's.
        ({"shop": f"{ONE}/shop.py", "flask": f"{SITE}/flask/__init__.py"}, (), {"shop"}, set()),
        ({"shop": "shop.py", "os": "/usr/lib/python3.13/os.py"}, (), {"shop"}, set()),
        # The person's working tree, from which an editable install takes it.
        ({"shop": f"{HOME}/src/shop/__init__.py"}, (f"{HOME}/src",), set(), {"shop"}),
        ({"shop": f"{ONE}/shop.py", "shop.db": f"{HOME}/shop/db.py"}, (), {"shop"}, {"shop.db"}),
    ],
)
def test_modules_are_known_by_their_files(
    files: dict[str, str], path: tuple[str, ...], own: set[str], foreign: set[str]
) -> None:
    """What lies in the environment is not the app's, though that may lie in the working tree."""
    mine, others = origin.origins(seen(files, *path), ONE, HOME, ONE)

    assert (own, foreign) == (mine, set(others))


def test_a_copy_that_was_installed_is_foreign(tmp_path: Path) -> None:
    """A module of the environment that the tree has too; in src, or wherever the person's Python looks for it."""
    write(
        tmp_path / "tree", {"src/shop/__init__.py": "", "src/shop/db.py": "", "back/end/api.py": "", "calendar.py": ""}
    )
    files = {
        "shop": f"{SITE}/shop/__init__.py",
        "shop.db": f"{SITE}/shop/db.py",
        "shop.extra": f"{SITE}/shop/extra.py",
        "api": f"{SITE}/api.py",
        "calendar": "/usr/lib/python3.13/calendar.py",
        "__main__": f"{SITE}/server/__main__.py",
    }

    _, foreign = origin.origins(seen(files, f"{HOME}/back/end"), tmp_path / "tree", HOME, tmp_path / "tree")

    assert {"shop", "shop.db", "api"} == set(foreign)


@pytest.fixture
def editable(tmp_path: Path) -> Callable[[str], Contender]:
    """Make a contender in a tree of a src layout, whose Python has the working tree's copy installed, editable."""
    for place in ("home", "base"):
        write(tmp_path / place, {"src/shop/__init__.py": APP, "src/shop/prices.py": f"PRICE = b'{place}'\n"})
    environment = tmp_path / "env"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to(sys.executable)
    (environment / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\n", encoding="utf-8")
    site = Path(sysconfig.get_path("purelib", vars={"base": str(environment), "platbase": str(environment)}))
    site.mkdir(parents=True)
    # As pip does it: a file that adds a folder to the path; and the servers of the tests' own environment.
    (site / "shop.pth").write_text(f"{tmp_path / 'home' / 'src'}\n{sysconfig.get_path('purelib')}\n", encoding="utf-8")

    def make(folder: str) -> Contender:
        where = own_python.surroundings(tmp_path / "base" / folder, str(environment / "bin" / "python"))
        return targets.find("shop:app@waitress", where).contender

    return make


def test_an_editable_install_would_compare_a_change_with_itself(
    tmp_path: Path, editable: Callable[[str], Contender]
) -> None:
    """It is refused, with what to do; served from its folder, the same app proves where it comes from."""
    with pytest.raises(RefusedError, match=r"imports shop from .*home/src/shop/__init__.py(.|\n)*--setup"):
        origin.prove(editable(""), "shop", ITEMS, tmp_path / "base", tmp_path / "home")

    origin.prove(editable("src"), "shop", ITEMS, tmp_path / "base", tmp_path / "home")


def test_a_module_that_a_view_imports_counts_too(tmp_path: Path, editable: Callable[[str], Contender]) -> None:
    """It is there once it has answered."""
    (tmp_path / "base" / "src" / "shop" / "prices.py").unlink()
    (tmp_path / "base" / "src" / "shop" / "__init__.py").write_text(
        f"import sys\n__path__.append({str(tmp_path / 'home' / 'src' / 'shop')!r})\n{APP}", encoding="utf-8"
    )

    with pytest.raises(RefusedError, match=r"imports shop.prices from"):
        origin.prove(editable("src"), "shop", ITEMS, tmp_path / "base", tmp_path / "home")


def test_what_cannot_be_seen_is_not_proved(tmp_path: Path, answering: Callable[..., Contender]) -> None:
    """A server that is no Python, or takes the app from nowhere that is known; or one that does not start."""
    shy = answering(extra="import sys\nif sys.getprofile() is None:\n    raise SystemExit\nsys.setprofile(None)\n")
    with pytest.raises(RefusedError, match="It cannot be shown"):
        origin.prove(shy, "shop", ITEMS, tmp_path, tmp_path / "home")
    (script, port) = answering().arguments
    blind = dataclasses.replace(
        answering(), program=sys.executable, arguments=("-I", script, port), folder=str(tmp_path), name="base"
    )
    with pytest.raises(RefusedError, match="no Python that can be observed"):
        origin.prove(blind, "", ITEMS, tmp_path, tmp_path / "home")
    with pytest.raises(RefusedError, match="exited with status 0"):
        origin.prove(answering(extra="raise SystemExit"), "", ITEMS, tmp_path, tmp_path / "home")
