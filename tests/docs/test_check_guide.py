"""The guide to checking a change: its recipes run as they stand there, and its figures are the judge's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import cli
from benchmarks.judge.planning import regression_found
from tests.benchmarks.git_repositories import NO_CONFIGURATION, WHO, begun, commit, git
from tests.benchmarks.made_up_check import LAB, costing

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "how-to" / "check-a-change.md").read_text(encoding="utf-8")
ON_GITHUB, ON_GITLAB = re.findall(r"```yaml\n(.*?)```", GUIDE, flags=re.DOTALL)
(HOOK,) = re.findall(r"```sh\n(.*?)```", GUIDE, flags=re.DOTALL)
REGRESSION = 4


def lines_of(recipe: str) -> list[str]:
    """Return the shell lines of a recipe, with what the CI system would put in the place of its expressions."""
    script = recipe.partition("script:\n")[2].partition("artifacts:")[0]
    lines = [
        *re.findall(r"^ +(?:- )?run: (.*)$", recipe, re.MULTILINE),
        *re.findall(r"^ +- (.*)$", script, re.MULTILINE),
    ]
    return [line.replace("${{ github.event.number }}", "7") for line in lines]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a clone of a repository, on a branch of its own."""
    (tmp_path / "bin").mkdir()
    made = {
        # The lab, with measurements that take no time.
        "lab": f'PYTHONPATH={ROOT} exec {sys.executable} -m tests.benchmarks.made_up_check "$@"',
        # What would need a network.
        "python": "mkdir -p .venv/bin && ln -s /bin/true .venv/bin/pip",
        "gh": 'echo "$@" > ../told',
    }
    for name, text in made.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (tmp_path / "bin" / name).chmod(0o755)
    begun(tmp_path / "origin", {"shop.py": costing(), "lab.toml": LAB, ".gitignore": ".venv\n"})
    git(tmp_path, "clone", "--quiet", "--bare", "origin", "shared.git")
    git(tmp_path, "clone", "--quiet", "shared.git", "project")
    git(tmp_path / "project", "switch", "--quiet", "--create", "work")
    return tmp_path / "project"


def shell(project: Path, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a shell line as a CI system does."""
    path = f"{project.parent / 'bin'}{os.pathsep}{os.environ['PATH']}"
    outside = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "GITHUB_BASE_REF"}}
    environment = {**outside, **WHO, **NO_CONFIGURATION, "PATH": path, "TMPDIR": str(project.parent), **variables}
    return subprocess.run(
        ["bash", "-e", "-c", command], cwd=project, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("system", ["github", "gitlab"])
def test_a_recipe_runs_as_it_stands(system: str, project: Path) -> None:
    """Its lines, one after the other; a change that is slower ends with its status, and is told."""
    base = git(project, "rev-parse", "HEAD")
    commit(project, {"shop.py": costing(items=1.3)})
    variables = {"GITHUB_BASE_REF": "main"} if system == "github" else {"CI_MERGE_REQUEST_DIFF_BASE_SHA": base}
    lines = lines_of(ON_GITHUB if system == "github" else ON_GITLAB)
    done = [shell(project, line, **variables) for line in lines]

    statuses = [0, REGRESSION, 0] if system == "github" else [0, REGRESSION]
    assert statuses == [each.returncode for each in done], [each.stderr for each in done]
    assert "failure" in (project / "lab.xml").read_text(encoding="utf-8")
    assert system == "gitlab" or (project.parent / "told").read_text(encoding="utf-8").startswith("pr comment 7")


def test_a_push_is_kept_back_by_the_hook(project: Path) -> None:
    """What is slower stays here; what is not is pushed. Git tells a hook where it is, which leads nowhere else."""
    hook = project / ".git" / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(HOOK, encoding="utf-8")
    hook.chmod(0o755)
    commit(project, {"shop.py": costing(items=1.3)})
    kept = shell(project, "git push --quiet origin work")
    assert (1, True) == (kept.returncode, "slower" in kept.stdout), kept.stderr
    assert "" == git(project, "ls-remote", "origin", "work")

    commit(project, {"shop.py": f"{costing()}# a remark\n"})
    pushed = shell(project, "git push --quiet origin work")
    assert 0 == pushed.returncode, pushed.stderr
    assert git(project, "rev-parse", "HEAD") in git(project, "ls-remote", "origin", "work")


def test_the_table_of_sizes_is_the_judges() -> None:
    """By spread and rounds."""
    table = GUIDE[GUIDE.index("| the ratio varies by") :].split("\n\n")[0].splitlines()
    rounds = [int(each) for each in re.findall(r"(\d+) rounds", table[0])]
    for line in table[2:]:
        spread, *found = re.findall(r"([\d.]+) %", line)
        assert found == [f"{100 * regression_found(float(spread) / 100, each, 0.05):.1f}" for each in rounds]


def test_every_option_of_its_own_is_in_the_guide() -> None:
    """Beside those that describe an app and its request."""
    options = ("--base", "--budget", "--margin", "--gate", "--p95-margin", "--memory-margin", "--setup", "--carry")
    told = CliRunner().invoke(cli.lab, ["check", "--help"]).stdout

    for option in (*options, "--strict", "--junit", "--comment", "--out"):
        assert option in told
        assert option in GUIDE
