"""The house rules that no linter knows."""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib.metadata
import importlib.util
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from benchmarks.contenders import catalogue, servers

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def modules() -> list[Path]:
    """List the modules of both packages."""
    return [path for package in ("flask_app", "benchmarks") for path in sorted((ROOT / package).rglob("*.py"))]


def groups(*names: str) -> list[str]:
    """Return what dependency groups of pyproject.toml ask for."""
    return [line for name in names for line in PROJECT["dependency-groups"][name]]


def extras(*names: str) -> list[str]:
    """Return what the service, and extras beside it, ask for."""
    optional = PROJECT["project"]["optional-dependencies"]
    return [*PROJECT["project"]["dependencies"], *(line for name in names for line in optional[name])]


# As the Makefile has it: what each lock is for.
LOCKS = {
    "requirements.lock": extras("bench") + groups("build"),
    "requirements-locust.lock": extras("bench", "locust") + groups("build"),
    "requirements-frameworks.lock": extras("bench", "frameworks") + groups("build"),
    "requirements-docs.lock": groups("docs"),
    "requirements-test.lock": extras(*PROJECT["project"]["optional-dependencies"])
    + groups(*PROJECT["dependency-groups"]),
}
ASKED = [(lock, Requirement(line)) for lock, lines in LOCKS.items() for line in lines]


@functools.cache
def text_of(lock: str) -> str:
    """Read a lock."""
    return (ROOT / lock).read_text(encoding="utf-8")


@functools.cache
def locked_pins(lock: str) -> dict[str, set[Version]]:
    """Read a lock: versions by name; a name may be pinned differently by platform or Python."""
    pins: dict[str, set[Version]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text_of(lock), flags=re.MULTILINE):
        pins.setdefault(canonicalize_name(name), set()).add(Version(version))
    return pins


@pytest.mark.parametrize(("lock", "requirement"), ASKED, ids=str)
def test_a_lock_satisfies_what_the_project_asks_for(lock: str, requirement: Requirement) -> None:
    """A requirement that is new or narrower than its pin makes the lock stale: run `make lock`."""
    pins = locked_pins(lock).get(canonicalize_name(requirement.name), set())

    assert pins, f"{requirement.name} is not in {lock}: run `make lock`"
    assert all(requirement.specifier.contains(pin) for pin in pins), "run `make lock`"


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_nothing_that_its_need_asks_for_no_more(lock: str) -> None:
    """A direct pin without its requirement makes the lock stale too."""
    direct = set()
    for block in re.split(r"\n(?=[A-Za-z0-9])", text_of(lock)):
        if "sync-async-lab (pyproject.toml" in block:
            direct.add(canonicalize_name(block.split("==")[0]))

    assert {canonicalize_name(Requirement(line).name) for line in LOCKS[lock]} == direct


@pytest.mark.parametrize("lock", LOCKS)
def test_a_package_has_the_same_version_in_every_lock(lock: str) -> None:
    """They are installed into one environment, one after the other; to test takes all that is in the others."""
    tested = locked_pins("requirements-test.lock")

    assert {} == {name: pins for name, pins in locked_pins(lock).items() if not pins <= tested.get(name, set())}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_hashes_and_no_address(lock: str) -> None:
    """It installs from whatever index the machine uses, and only what was locked."""
    for block in re.findall(r"^[A-Za-z0-9._-]+==.*?(?=^\S|\Z)", text_of(lock), flags=re.MULTILINE | re.DOTALL):
        assert "--hash=sha256:" in block
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links|@ ", text_of(lock))


def test_every_lock_has_its_need() -> None:
    """A lock beside these is installed by nobody."""
    assert set(LOCKS) == {path.name for path in ROOT.glob("*.lock")}


def test_what_comparing_needs_is_light() -> None:
    """Its packages take at most 350 MB, compiled: with uv and pip beside them that is 400 MB installed."""
    places = set()
    for name in locked_pins("requirements.lock"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            for file in importlib.metadata.distribution(name).files or ():
                place = str(file.locate())
                places |= {Path(place), Path(importlib.util.cache_from_source(place))}

    assert 100e6 < sum(place.stat().st_size for place in places if place.is_file()) <= 350e6


def test_no_module_is_a_drawer_for_odds_and_ends() -> None:
    """A module does one thing: there is no utils.py and no helpers.py."""
    assert [] == [str(path) for path in modules() if path.stem in {"utils", "helpers", "util", "helper", "common"}]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_a_room(path: Path) -> None:
    """At most 400 lines, and a first sentence that names its job."""
    source = path.read_text(encoding="utf-8")

    assert len(source.splitlines()) <= 400
    docstring = ast.get_docstring(ast.parse(source))
    assert docstring
    assert re.search(r"[.:;]", docstring.splitlines()[0])


MAY_START_PROCESSES = {
    "benchmarks/process.py": "the one way",
    "benchmarks/calibration/": "not in the wheel: scripts that run the whole lab, or kill it",
    "benchmarks/exercises/tasks/": "data: answers, which run in a check's own process alone",
}
STARTS_A_PROCESS = re.compile(
    r"(subprocess|psutil)\.(Popen|run|call|check_\w+|get\w*output)|multiprocessing\b.*|concurrent\.futures\.ProcessPool\w+"
    r"|(os|pty)\.(fork|exec|spawn|posix_spawn|system|popen)\w*|(\w+\.)+(create_subprocess|subprocess)_(exec|shell)"
)


def names_used(source: str) -> set[str]:
    """Return the dotted names that a module uses, each by its module's own name, types aside."""
    tree = ast.parse(source)
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    used = set(known.values())
    # A `subprocess.Popen[bytes]` says of what type something is.
    types = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Subscript)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and id(node) not in types:
            first, _, rest = ast.unparse(node).partition(".")
            used.add(f"{known.get(first, first)}.{rest}")
    return used


@pytest.mark.parametrize(
    "source",
    [
        "import subprocess\nsubprocess.run(['ls'])",
        "import subprocess as sp\nsp.Popen(['ls'])",
        "from subprocess import check_output as told",
        "import asyncio\nasync def ls(): await asyncio.create_subprocess_exec('ls')",
        "async def ls(loop): await loop.subprocess_shell(None, 'ls')",
        "import os\nos.posix_spawn('ls', [], {})",
        "from multiprocessing import Pool",
        "from concurrent.futures import ProcessPoolExecutor",
    ],
)
def test_a_process_that_is_started_is_seen(source: str) -> None:
    """By whichever name."""
    assert any(STARTS_A_PROCESS.fullmatch(name) for name in names_used(source))


def test_every_child_is_started_by_process_py() -> None:
    """What starts one otherwise has nobody who ends it with all that it has started."""
    paths = {path: str(path.relative_to(ROOT)) for path in modules() if "benchmarks" in path.parts}
    found = {
        f"{place}: {name}"
        for path, place in paths.items()
        if not place.startswith(tuple(MAY_START_PROCESSES))
        for name in names_used(path.read_text(encoding="utf-8"))
        if STARTS_A_PROCESS.fullmatch(name)
    }

    assert set() == found


NAMED = {
    *({app.bridge for app in catalogue.APPS} - {"none"}),
    *(text for each in catalogue.FRAMEWORKS.values() for text in (each.id, each.name)),
    *(text for each in servers.SERVERS.values() for text in (each.id, each.name)),
}
MAY_NAME_CONTENDERS = {
    "benchmarks/contenders/": "the one place",
    "benchmarks/calibration/": "scripts, each about contenders of its own",
    "benchmarks/exercises/tasks/": "data: answers, each an app",
    "benchmarks/exercises/checks/contracts.py": "exercise 2 is to document two apps, one of each framework",
    "benchmarks/cli/serve.py": "starts the service for a person, as no contender is started",
}


def texts_of(path: Path) -> set[str]:
    """Return the words that a file works with: strings of a module but for docstrings, ids in files of a page."""
    source = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return {word for word in re.findall(r"[\w-]+", source) if word.islower()}
    tree = ast.parse(source)
    documents = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and isinstance(node.body[0], ast.Expr)
    }
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents
    }


def test_frameworks_servers_and_bridges_are_named_in_the_catalogue_alone() -> None:
    """What lists them elsewhere would not know of a new one."""
    suffixes = {".py", ".css", ".js", ".html", ".j2"}
    paths = {path.relative_to(ROOT).as_posix(): path for path in (ROOT / "benchmarks").rglob("*.*")}
    found = {
        f"{place}: {text}"
        for place, path in paths.items()
        if path.suffix in suffixes and not place.startswith(tuple(MAY_NAME_CONTENDERS))
        for text in texts_of(path)
        if text in NAMED or re.fullmatch(rf"({'|'.join(catalogue.FRAMEWORKS)})(-\w+)?@[\w+]+", text)
    }

    assert set() == found


def test_json_is_read_in_one_place() -> None:
    """json.loads gives way to a deep nest, an endless number or half a surrogate pair; foreign_json refuses them."""
    readers = [path for path in modules() if re.search(r"\bjson\.loads?\(", path.read_text(encoding="utf-8"))]
    tasks = ROOT / "benchmarks" / "exercises" / "tasks"

    assert ["benchmarks/foreign_json.py"] == [
        path.relative_to(ROOT).as_posix() for path in readers if not path.is_relative_to(tasks)
    ]


def test_the_top_level_is_the_designs() -> None:
    """New rooms are built inside the house, not beside it."""
    tracked = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=True
    ).stdout.splitlines()

    assert {name.split("/")[0] for name in tracked} <= {
        *(".ci", ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md"),
        *("benchmarks", "docs", "flask_app", "pyproject.toml", "tests"),
        *LOCKS,
    }


def test_the_service_installs_without_the_instrument() -> None:
    """What only the instrument needs is in the extra `bench`; the service imports none of it."""
    bench = {canonicalize_name(Requirement(line).name) for line in PROJECT["project"]["optional-dependencies"]["bench"]}
    imported = set()
    for path in (ROOT / "flask_app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.split(".")[0])

    assert set() == bench & {canonicalize_name(name) for name in imported}


def test_the_wheel_has_the_lab_without_its_calibration() -> None:
    """What holds the instrument to account runs from a checkout, with the tests' environment."""
    files = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}

    assert {"benchmarks/__main__.py", "flask_app/__init__.py"} <= files
    assert set() == {file for file in files if file.startswith("benchmarks/calibration/")}
