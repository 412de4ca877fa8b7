from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from hypercorn.utils import load_application
from sybil import Document, Example
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

from benchmarks import cli
from benchmarks.cli import exits
from benchmarks.contenders import catalogue, targets
from benchmarks.measure import presets
from benchmarks.measure.journal import Journal, read_run, write_run
from benchmarks.measure.server import RunningServer, running
from tests.benchmarks.cli.kept_runs import keep_run

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
LANGUAGES = {"python", "console", "json", "toml", "yaml", "sh", "text", "mermaid", "{toctree}"}
INDEX = ROOT / "docs" / "index.md"

CODE: list[Example] = [
    example for page in PAGES for example in Document.parse(str(page), PythonCodeBlockParser()).examples()
]
# The words of each command, once, with where it is first.
COMMANDS: dict[tuple[str, ...], str] = {}
for page in PAGES:
    for example in Document.parse(str(page), CodeBlockParser("console", lambda _: None)).examples():
        for line in example.region.parsed.splitlines():
            if line.startswith("$ "):
                COMMANDS.setdefault((*shlex.split(line[2:], comments=True),), f"{page.relative_to(ROOT)}: {line[2:]}")


@pytest.fixture(scope="module")
def kept_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keep a run with its journal, in a folder that has it as results/latest."""
    folder = tmp_path_factory.mktemp("documentation")
    run = read_run(keep_run(tmp_path_factory.mktemp("kept") / "small"))
    record = Journal.create(folder / "results", dataclasses.replace(run, state="running", trials=()))
    for trial in run.trials:
        record.add_trial(trial)
    record.finish("complete", "2026-01-01T00:03:00+00:00")
    # What else the documentation names: two days, and what a class has handed in.
    for number, name in enumerate(("results/monday", "results/tuesday", "class/anna", "class/ben", "class/chen")):
        (folder / name).mkdir(parents=True)
        copy = dataclasses.replace(run, name=Path(name).name, started_at=f"2026-03-0{number + 1}T09:30:00+00:00")
        write_run(folder / name / "run.json", copy)
    return folder


@pytest.fixture(scope="module")
def served() -> Iterator[RunningServer]:
    """Serve the Flask app."""
    with running(catalogue.find("flask-sync@hypercorn"), "/health") as server:
        yield server


@pytest.mark.parametrize("example", CODE, ids=lambda example: f"{Path(example.path).name}:{example.line}")
def test_code_in_the_documentation_runs(example: Example, kept_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every block of Python is executed as it stands."""
    monkeypatch.chdir(kept_run)
    example.evaluate()


def try_make(words: list[str], _served: RunningServer) -> None:
    """See that the target is there: what it runs is tried elsewhere."""
    subprocess.run(["make", "--dry-run", *words[1:]], cwd=ROOT, check=True, capture_output=True)


def try_lab(words: list[str], _served: RunningServer) -> None:
    """Run it; but what measures for minutes, serves or needs a map is parsed here and run in its own tests."""
    name, arguments = words[1], words[2:]
    command = cli.lab.get_command(click.Context(cli.lab), name)
    if name == "exercise":
        try_exercise(arguments)
    elif isinstance(command, click.Group):
        command.commands[arguments[0]].make_context(arguments[0], list(arguments[1:]))
    elif command is not None and name in (
        "advise",
        "check",
        "compare",
        "conformance",
        "crossover",
        "doctor",
        "explain",
        "init",
        "live",
        "serve",
    ):
        context = command.make_context(name, list(arguments))
        for word in context.params.get("words", ()):
            known = word in presets.PRESETS or targets.is_target(word) or name == "conformance"
            assert known or catalogue.select([word])
    else:
        assert CliRunner().invoke(cli.lab, [name, *arguments]).exit_code in (0, exits.EXIT_REFUSED)


def try_exercise(arguments: list[str]) -> None:
    """Run it, begun anew: other pages begin the same ones, and a test may run alone."""
    if arguments[0] in ("start", "check"):
        begun = [word for word in arguments[1:] if word != "--json"]
        assert 0 == CliRunner().invoke(cli.lab, ["exercise", "start", *begun, "--force"]).exit_code
    if arguments[0] != "start":
        solved_or_not = (0, exits.EXIT_NOT_SOLVED)
        assert CliRunner().invoke(cli.lab, ["exercise", *arguments]).exit_code in solved_or_not


def try_curl(words: list[str], served: RunningServer) -> None:
    """Ask the app, on the port where it is served here."""
    if shutil.which("curl") is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("curl is not installed")
    here = [word.replace(":8000", f":{served.port}") for word in words[1:]]
    subprocess.run(["curl", "--silent", "--max-time", "10", *here], check=True, capture_output=True)


def try_flask(words: list[str], _served: RunningServer) -> None:
    """Load the app as the command would: it is served in tests/flask_app/serving."""
    subprocess.run([sys.executable, "-m", *words[:3], "routes"], cwd=ROOT, check=True, capture_output=True)


def try_hypercorn(words: list[str], _served: RunningServer) -> None:
    """Load the app as the command would: it is served in tests/flask_app/serving."""
    load_application(words[1], wsgi_max_body_size=1)


def try_python(words: list[str], _served: RunningServer) -> None:
    """See that the module can be run; a script of the examples is there, and is run in its own tests."""
    if words[1].startswith("docs/examples/"):
        assert (ROOT / words[1]).is_file()
        return
    assert "-m" == words[1]
    try_module(words[2])


@functools.cache
def try_module(name: str) -> None:
    """See that a module can be run, once, whichever options it is told to be run with."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        # Another test may have imported it.
        warnings.simplefilter("ignore", RuntimeWarning)
        patch.setattr(sys, "argv", [name, "--help"])
        with pytest.raises(SystemExit) as ended:
            runpy.run_module(name, run_name="__main__", alter_sys=True)
    assert ended.value.code in (None, 0)


def try_k6(words: list[str], _served: RunningServer) -> None:
    """See that the script is there: k6 itself is not installed everywhere."""
    assert ["run", "--vus", "10", "--duration", "30s"] == words[1:6]
    assert (ROOT / words[-1]).is_file()


TRY = {
    "make": try_make,
    "lab": try_lab,
    "curl": try_curl,
    "flask": try_flask,
    "hypercorn": try_hypercorn,
    "k6": try_k6,
    "python": try_python,
}


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("command", COMMANDS, ids=COMMANDS.values())
def test_commands_in_the_documentation_work(
    command: tuple[str, ...], kept_run: Path, served: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that the tests do not know how to try is a failure too."""
    monkeypatch.chdir(kept_run)

    assert command[0] in TRY
    TRY[command[0]]([*command], served)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_code_block_says_what_it_is(page: Path) -> None:
    """A block without a language escapes the tests above."""
    fences = re.findall(r"^(```+)(.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)

    opening = [language for index, (_, language) in enumerate(fences) if index % 2 == 0]
    assert [] == [language for language in opening if language not in LANGUAGES]


def links(text: str) -> list[str]:
    """Return where a page's links lead, those to other hosts left out."""
    text = without_code(text)
    targets = [*re.findall(r"\]\(([^)\s]+)[^)]*\)", text), *re.findall(r"(?:src|srcset|href)=\"([^\"]+)\"", text)]
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def without_code(text: str) -> str:
    """Return a page without its code blocks, in which a bracket is no link and a hash no heading."""
    return re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", without_code(page.read_text(encoding="utf-8")), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_inside_the_documentation_hold(page: Path) -> None:
    """Every relative link leads to a file that is there, and its anchor to one of that file's headings."""
    missing = []
    for target in links(page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            missing.append(target)

    assert [] == missing


def test_the_indexes_of_the_handbook_name_every_page() -> None:
    """A page that nobody links to is not found: put a line into the index.md of its folder."""
    sections = [page for page in linked(INDEX) if page.name == "index.md"]
    named = {INDEX, *sections}.union(*map(linked, sections))

    assert 4 == len(sections)
    assert set() == set(INDEX.parent.rglob("*.md")) - named


def test_the_start_page_has_three_doors() -> None:
    """And not a list of everything, which is a page further."""
    text = INDEX.read_text(encoding="utf-8")

    assert ["Learn", "Measure mine", "Teach", "Look it up"] == re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    assert len(linked(INDEX)) <= 16


def linked(page: Path) -> set[Path]:
    """Return the files that a page links to."""
    found = (page.parent / link.partition("#")[0] for link in links(page.read_text(encoding="utf-8")))
    return {file.resolve() for file in found}
