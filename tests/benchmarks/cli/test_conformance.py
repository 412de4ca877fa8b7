"""``lab conformance`` as a person runs it: words, statuses, kept matrices."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from benchmarks import cli
from benchmarks.cli.exits import EXIT_FINDINGS
from benchmarks.conformance import kept_matrix
from benchmarks.conformance.probe import probes
from benchmarks.errors import LabError

APP = "from flask import Flask\n\napp = Flask(__name__)\n\n\n@app.get('/items')\ndef items():\n    return 'items'\n"


def lab(*arguments: str) -> Result:
    """Run the command, after whoever else measures on this machine."""
    return CliRunner().invoke(cli.lab, ["conformance", "--wait", *arguments])


@pytest.mark.parametrize(("name", "status"), [("flask@hypercorn", EXIT_FINDINGS), ("flask@hypercorn+eventloop", 0)])
def test_a_finding_of_what_was_named_has_a_status_of_its_own(name: str, status: int) -> None:
    """A script can stop there; the document is printed either way."""
    ran = lab(name, "--probe", "head", "--json")
    told = json.loads(ran.stdout)["conformance"]

    assert status == ran.exit_code
    assert {name} == {each["id"] for each in told["arrangements"] if not each["is_reference"]}
    assert "1 probes on 1 arrangements" in ran.stderr


def test_a_kept_matrix_is_shown_again(tmp_path: Path) -> None:
    """In any format, without a server."""
    first = lab("flask@gunicorn-gthread", "--probe", "keep-alive", "--format", "json")
    (kept := tmp_path / "kept.json").write_text(first.stdout, encoding="utf-8")

    assert first.stdout == lab("--from", str(kept), "--json").stdout
    assert "Flask on gunicorn (gthread) holds" in lab("--from", str(kept), "--format", "markdown").stdout


def test_an_app_of_ones_own_is_probed(tmp_path: Path) -> None:
    """By its path, and with probe routes by everything."""
    (tmp_path / "shop.py").write_text(APP, encoding="utf-8")
    options = ("--folder", str(tmp_path), "--path", "/items", "--probe", "no-content", "--json")
    without, added = (lab("shop:app@gunicorn-gthread", *options, *more) for more in ((), ("--with-probe-routes",)))

    outcomes = [
        each["cells"][0]["outcome"]
        for ran in (without, added)
        for each in json.loads(ran.stdout)["conformance"]["arrangements"]
        if not each["is_reference"]
    ]
    assert ["does not apply", "holds"] == outcomes


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--probe", "haed"), "Did you mean head?"),
        (("flask@hypercor",), "Did you mean flask@hypercorn?"),
        (("--with-probe-routes",), "for an app of yours"),
    ],
)
def test_what_there_is_not_is_usage(arguments: tuple[str, ...], words: str) -> None:
    """With the nearest that there is."""
    ran = lab(*arguments)

    assert 2 == ran.exit_code
    assert words in " ".join(ran.output.replace("│", " ").split())


def test_an_app_that_does_not_start_is_an_error(tmp_path: Path) -> None:
    """It is no finding."""
    (tmp_path / "shop.py").write_text(
        "import os\nfrom flask import Flask\n\napp = Flask(__name__)\n"
        "if 'gunicorn' in os.environ.get('SERVER_SOFTWARE', ''):\n    raise SystemExit(3)\n",
        encoding="utf-8",
    )
    ran = lab("shop:app@gunicorn-gthread", "--folder", str(tmp_path), "--probe", "head")

    assert 1 == ran.exit_code
    assert "does not start" in ran.output


def test_what_is_no_matrix_is_refused(tmp_path: Path) -> None:
    """With the file's name."""
    (other := tmp_path / "other.json").write_text("{}", encoding="utf-8")

    with pytest.raises(LabError, match=r"other\.json is no matrix"):
        kept_matrix.read(other)


def test_the_shipped_matrix_has_every_probe() -> None:
    """After a change of probes it is kept again: see CONTRIBUTING.md."""
    matrix = kept_matrix.shipped()

    assert list(probes()) == [about.id for about in matrix.probes]
    assert 20 <= len(matrix.asked)


def test_native_servers_fail_only_what_the_handbook_says() -> None:
    """No false alarm: what they fail stands on the page, with its smallest reproduction."""
    failing = {
        name: {cell.probe for cell in probed.failing()}
        for name in ("flask@gunicorn-gthread", "fastapi@uvicorn")
        if (probed := kept_matrix.shipped().find(name)) is not None
    }

    assert {
        "flask@gunicorn-gthread": {"host-missing"},
        "fastapi@uvicorn": {"host-missing", "http-1-0-stream"},
    } == failing


@pytest.mark.parametrize("server", ["hypercorn", "uvicorn", "granian"])
def test_the_event_loop_bridge_fails_nothing_that_its_server_holds(server: str) -> None:
    """With an app without a framework."""
    bridged = kept_matrix.shipped().find(f"flask@{server}+eventloop")
    bare = kept_matrix.shipped().find(f"bare-asgi@{server}")
    assert bridged is not None
    assert bare is not None

    assert set() == {cell.probe for cell in bridged.failing()} - {cell.probe for cell in bare.failing()}
