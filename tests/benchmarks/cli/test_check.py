"""``lab check`` in a repository of somebody's, with trials that take no time: what is compared, told and written."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from benchmarks import cli
from benchmarks.contenders import worktrees
from benchmarks.errors import LabError, RefusedError
from benchmarks.measure import origin, parity
from benchmarks.measure.journal import read_run
from benchmarks.measure.schedule import ScheduledTrial
from tests.benchmarks.git_repositories import NO_CONFIGURATION, begun, commit, git, state_of, write
from tests.benchmarks.made_up_check import LAB, costing, measure_at_once

pytestmark = pytest.mark.usefixtures("undrawn")
SLOWER = {"shop.py": costing(items=1.3)}


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Look for worktrees after each test: there is none, whatever happened."""
    yield
    assert [] == list(Path(tempfile.gettempdir()).glob("lab-check-*"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[ScheduledTrial]:
    """Have trials end at once; return those that were asked for."""
    for name, value in NO_CONFIGURATION.items():
        monkeypatch.setenv(name, value)
    variables = ("FLASK_APP", "VIRTUAL_ENV", "GITHUB_BASE_REF", "GITHUB_STEP_SUMMARY")
    for name in (*variables, "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"):
        monkeypatch.delenv(name, raising=False)
    return measure_at_once(monkeypatch)


@pytest.fixture
def project(tmp_path: Path, asked: list[ScheduledTrial], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a repository with an app and a lab.toml, and return its folder."""
    folder = begun(tmp_path / "project", {"shop.py": costing(), "lab.toml": LAB})
    monkeypatch.chdir(folder)
    return folder


def check(*options: str) -> Result:
    """Run the command."""
    told = ("check", "--wait", "--seed", "1", *options)
    return CliRunner().invoke(cli.lab, told, prog_name="lab", env={"COLUMNS": "200"})


def standings(done: Result) -> dict[str, str]:
    """Return what the JSON document says of each request."""
    document = json.loads(done.stdout)
    assert "check" == document["document"], done.stderr
    return {each["comparison"]["workload"]: each["comparison"]["standing"] for each in document["findings"]}


def test_a_change_that_is_not_slower_passes(project: Path, asked: list[ScheduledTrial]) -> None:
    """Each request is equal; what is being worked on is what was compared, and nothing in the repository changed."""
    write(project, {"shop.py": f"{costing()}\n# a remark\n"})
    before = state_of(project)
    done = check("--json")

    assert (0, {"items": "equal", "orders": "equal"}) == (done.exit_code, standings(done)), done.stderr
    document = json.loads(done.stdout)
    assert ("fine", True) == (document["outcome"], document["is_dirty"])
    assert git(project, "rev-parse", "HEAD") == document["base"] == document["head"]
    assert {"base", "head"} == {each.contender.id for each in asked if each.round}
    assert before == state_of(project)


def test_a_regression_is_told_where_it_is(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At its request alone, confirmed, with its cause; in every form that other programs read."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    (tmp_path / "summary.md").write_text("# Before\n", encoding="utf-8")
    commit(project, SLOWER)
    done = check("--junit", "../lab.xml", "--comment", "../comment.md", "--json", "--out", "../kept")

    assert (4, {"items": "slower", "orders": "equal"}) == (done.exit_code, standings(done)), done.stderr
    comment, summary = ((tmp_path / name).read_text(encoding="utf-8") for name in ("comment.md", "summary.md"))
    assert summary == f"# Before\n{comment}"
    assert "slower beyond the margin" in comment
    assert "lab check --base" in comment
    suite = ET.fromstring((tmp_path / "lab.xml").read_text(encoding="utf-8"))  # noqa: S314 # it is the lab's own
    assert ("2", "1", "0") == (suite.get("tests"), suite.get("failures"), suite.get("errors"))
    (run,) = [
        read_run(folder) for folder in (tmp_path / "kept").iterdir() if folder.is_dir() and not folder.is_symlink()
    ]
    assert "complete" == run.state
    assert json.loads(done.stdout)["command"] == run.environment["check"]
    resumed = CliRunner().invoke(cli.lab, ["compare", "--resume", str(tmp_path / "kept" / run.name), "--wait"])
    assert (1, True) == (resumed.exit_code, "is a check" in resumed.stderr)
    reported = CliRunner().invoke(cli.lab, ["report", str(tmp_path / "kept" / run.name)])
    assert (0, True) == (reported.exit_code, "lab check" in reported.stdout)


def test_there_is_nothing_to_say_of_what_is_equal(project: Path, tmp_path: Path) -> None:
    """So no comment is written; of what is faster, one is."""
    commit(project, {"shop.py": f"{costing()}\n# a remark\n"})
    assert 0 == check("--comment", "../comment.md").exit_code
    assert not (tmp_path / "comment.md").exists()

    commit(project, {"shop.py": costing(items=0.5)})
    done = check("--comment", "../comment.md")
    assert (0, True) == (done.exit_code, (tmp_path / "comment.md").exists())
    assert "No: no request is slower" in done.stdout


def test_a_first_check_passes_and_says_so(project: Path, tmp_path: Path) -> None:
    """There is nothing to compare with; a program that reads the result sees a test that passed."""
    done = check("--junit", "../lab.xml")

    assert (0, True) == (done.exit_code, "nothing to compare with yet" in done.stdout)
    suite = ET.fromstring((tmp_path / "lab.xml").read_text(encoding="utf-8"))  # noqa: S314 # the same
    assert ("1", "0", "0", "0") == tuple(suite.get(name) for name in ("tests", "failures", "errors", "skipped"))


@pytest.mark.usefixtures("project")
def test_a_first_check_of_what_is_not_there_does_not_pass() -> None:
    """A slip of the command line would go unnoticed until there is a second commit."""
    assert 2 == check("shop:ap").exit_code
    assert 2 == check("shop:app@gunicor").exit_code


def test_ten_commits_have_their_regressions_found_where_they_are(
    tmp_path: Path, asked: list[ScheduledTrial], monkeypatch: pytest.MonkeyPatch
) -> None:
    """15 % at the fourth and 60 % at the eighth, each in another request; elsewhere, nothing."""
    costs = {1: (1.0, 1.0), 4: (1.15, 1.0), 8: (1.15, 1.6)}
    folder = begun(tmp_path / "ten", {"shop.py": costing(), "lab.toml": LAB})
    commits = {1: git(folder, "rev-parse", "HEAD")}
    for number in range(2, 11):
        cost = costs[max(each for each in costs if each <= number)]
        commits[number] = commit(folder, {"shop.py": f"{costing(*cost)}# change {number}\n"})
    monkeypatch.chdir(folder)
    found = {}
    for number in range(2, 11):
        git(folder, "checkout", "--quiet", commits[number])
        done = check("--base", "HEAD~1", "--json")
        slower = [name for name, standing in standings(done).items() if standing == "slower"]
        if done.exit_code or slower:
            found[number] = (done.exit_code, slower)

    assert {4: (4, ["items"]), 8: (4, ["orders"])} == found


def test_the_bases_lab_toml_counts(project: Path) -> None:
    """A change cannot loosen its own gate, and that it would have is said."""
    commit(project, {**SLOWER, "lab.toml": f'margin = "50%"\n{LAB}'.replace("orders", "sales")})
    done = check("--json")

    assert (4, {"items", "orders"}) == (done.exit_code, set(standings(done))), done.stderr
    assert "lab.toml was changed" in done.stderr
    assert ["lab.toml was changed: the base's counts here, and the new one once the change is in."] == json.loads(
        done.stdout
    )["said"]


def test_heads_lab_toml_counts_where_the_base_has_none(project: Path) -> None:
    """That is said too; so is another set of dependencies for one environment."""
    git(project, "rm", "--quiet", "--cached", "lab.toml")
    commit(project, {"requirements.txt": "waitress\n"})
    commit(project, {"lab.toml": LAB, "requirements.txt": "waitress>=3\n"})
    done = check("--json")

    assert (0, {"items", "orders"}) == (done.exit_code, set(standings(done))), done.stderr
    said = json.loads(done.stdout)["said"]
    assert ["The base has no lab.toml: head's counts."] == said[:1]
    assert "requirements.txt changed" in said[1]


def test_a_word_and_a_path_do_without_a_file(project: Path, asked: list[ScheduledTrial]) -> None:
    """From a folder inside of the repository, too; the command that repeats it has them."""
    commit(project, {"lab.toml": "", "back/shop.py": costing()})
    commit(project, {"back/shop.py": costing(items=2.0)})
    done = check(
        "shop:app@waitress", "--path", "/items", "--folder", "back", "--budget", "2m", "--margin", "4%", "--json"
    )

    assert (4, {"GET /items": "slower"}) == (done.exit_code, standings(done)), done.stderr
    command = json.loads(done.stdout)["command"]
    assert command.startswith(
        "lab check shop:app@waitress --folder back --path /items --budget 120s --margin 4% --base "
    )
    assert command.endswith(" --seed 1")
    assert {"back"} == {Path(each.contender.folder).name for each in asked if each.round}


def test_what_a_check_needs_is_carried_or_said(project: Path, asked: list[ScheduledTrial]) -> None:
    """Git tracks neither secrets nor databases."""
    commit(project, {".gitignore": ".env\n", "shop.py": f"{costing()}\nopen('.env').read()\n"})
    commit(project, {"shop.py": f"{costing()}\nopen('.env').read()\n# a remark\n"})
    write(project, {".env": "A=1\n", "new.py": ""})
    without = check()
    assert (2, True, True) == (
        without.exit_code,
        "--carry .env" in without.stderr,
        "Git does not know new.py" in without.stdout,
    )
    assert 0 == check("--carry", ".env").exit_code


def test_a_base_that_cannot_be_served_is_refused(project: Path) -> None:
    """With the reason, and what to name instead; head that cannot be is a fault of the command or of the app."""
    commit(project, {"shop.py": "raise RuntimeError('no tea')\n"})
    broken = check()
    assert (2, True) == (broken.exit_code, "no tea" in broken.stderr)
    commit(project, {"shop.py": costing()})
    done = check("--json")
    assert (3, "refused") == (done.exit_code, json.loads(done.stdout)["outcome"])
    assert "The base cannot be served" in done.stderr


@pytest.mark.parametrize(
    ("module", "name", "fault"),
    [
        (origin, "prove", RefusedError("base imports shop from elsewhere")),
        (parity, "agreed", LabError("items is not answered alike")),
    ],
)
def test_what_would_mislead_is_refused_before_anything_is_timed(  # noqa: PLR0917 # fixtures come by name
    project: Path,
    tmp_path: Path,
    asked: list[ScheduledTrial],
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    name: str,
    fault: Exception,
) -> None:
    """Modules of another tree, and answers that differ; all that reads the result sees why."""

    def refuse(*_arguments: object, **_options: object) -> None:
        raise fault

    monkeypatch.setattr(module, name, refuse)
    commit(project, SLOWER)
    done = check("--junit", "../lab.xml", "--comment", "../comment.md")

    assert (3, True, []) == (done.exit_code, str(fault) in " ".join(done.stdout.split()), asked)
    assert str(fault) in (tmp_path / "comment.md").read_text(encoding="utf-8")
    suite = ET.fromstring((tmp_path / "lab.xml").read_text(encoding="utf-8"))  # noqa: S314 # the same
    assert ("1", "1") == (suite.get("tests"), suite.get("errors"))


@pytest.mark.parametrize(("options", "status"), [((), 0), (("--strict",), 5)])
def test_what_is_undecided_fails_where_that_is_asked_for(
    options: tuple[str, ...], status: int, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine that is so noisy; it was said beforehand."""
    measure_at_once(monkeypatch, noise=0.5)
    commit(project, {"shop.py": f"{costing()}\n# a remark\n"})
    done = check("--margin", "1%", *options)

    assert status == done.exit_code, done.stdout
    assert "coarser than the margin" in done.stdout
    assert "Not shown" in done.stdout


def test_cpu_time_may_decide(project: Path) -> None:
    """It is the steadier of the two."""
    commit(project, SLOWER)
    done = check("--gate", "cpu", "--json")

    assert 4 == done.exit_code, done.stderr
    assert {"cpu"} == {each["comparison"]["decides"] for each in json.loads(done.stdout)["findings"]}


def test_latency_at_an_equal_rate_is_measured_where_it_has_a_margin(project: Path, asked: list[ScheduledTrial]) -> None:
    """After all else, of the first request; memory is told in any case."""
    commit(project, SLOWER)
    done = check("--p95-margin", "10%", "--memory-margin", "10%", "--json")

    document = json.loads(done.stdout)
    assert 4 == done.exit_code, done.stderr
    assert "latency" == document["latency"]["workload"] == asked[-1].workload.name
    assert {"items", "orders", "latency"} == {each.workload.name for each in asked if each.round}
    assert {1.0} == {each["memory"]["value"] for each in document["findings"]}


def test_a_setup_makes_an_environment_for_each_side(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each in its own tree, with the Python beside the app; the file's budget and margin count."""
    made: list[tuple[str, str]] = []

    def set_up(command: str, tree: worktrees.Tree, python: str) -> str:
        made.append((command, tree.side))
        return python

    monkeypatch.setattr(worktrees, "set_up", set_up)
    named = LAB.replace("[contenders.shop]", f"[contenders.shop]\npython = {json.dumps(sys.executable)}")
    commit(project, {"lab.toml": f'budget = "10m"\nmargin = "40%"\n{named}'})
    commit(project, SLOWER)
    done = check("--setup", "pip install .", "--json")

    assert (0, 0.4) == (done.exit_code, json.loads(done.stdout)["margin"]), done.stderr
    assert [("pip install .", "head"), ("pip install .", "base")] == made


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("shop:app", "shop:other"), "one app"),
        (("shap:app",), "no module shap"),
        (("http://127.0.0.1:1",), "runs already"),
        (("--command", "false"), "{port}"),
        (("--base", "nowhere"), "No commit here"),
        (("--carry", "nothing"), "nothing is no file"),
        (("--budget", "11s"), "too little"),
        (("--gate", "latency"), "'latency' is not one of"),
        (("twins",), "twins"),
    ],
)
def test_what_cannot_be_checked_is_a_usage_error(options: tuple[str, ...], words: str, project: Path) -> None:
    """What, why, and what to do."""
    twins = '[contenders.twins]\napp = "shop:app"\nserver = "waitress"\nsync = "/a"\nasync = "/b"\n'
    commit(project, {"lab.toml": f"{LAB}\n{twins}"})
    commit(project, SLOWER)
    done = check(*options)

    assert (2, True) == (done.exit_code, words in " ".join(done.stderr.split())), done.stderr


def test_an_app_must_be_named(project: Path) -> None:
    """By a word or by a file."""
    commit(project, {"lab.toml": ""})
    commit(project, SLOWER)
    done = check()

    assert (2, True) == (done.exit_code, "lab init" in done.stderr)


def test_what_a_command_starts_may_be_checked(project: Path, asked: list[ScheduledTrial]) -> None:
    """In each tree."""
    commit(project, SLOWER)
    done = check("--command", "python server.py {port}", "--path", "/items", "--json")

    assert (4, {"GET /items": "slower"}) == (done.exit_code, standings(done)), done.stderr


def test_a_folder_that_is_no_repository_is_a_usage_error(
    tmp_path: Path, asked: list[ScheduledTrial], monkeypatch: pytest.MonkeyPatch
) -> None:
    """There are no two versions in it."""
    monkeypatch.chdir(tmp_path)
    done = check()

    assert (2, True) == (done.exit_code, "not a git repository" in done.stderr)


def test_a_summary_that_cannot_be_written_is_an_error(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which file, and why."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project))
    done = check()

    assert (1, True) == (done.exit_code, "summary cannot be written" in done.stderr)


def test_every_status_is_in_the_help() -> None:
    """Whoever reads it in a pipeline knows what it means."""
    told = CliRunner().invoke(cli.lab, ["check", "--help"]).stdout

    assert [] == [line for line in ("3  refused", "4  regression", "5  undecided") if line not in told]
