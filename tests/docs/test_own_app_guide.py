"""The guide to comparing one's own app: its app and its commands work as they stand there."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from benchmarks import cli
from benchmarks.contenders import lab_file
from benchmarks.contenders.servers import SERVERS
from benchmarks.measure.run_schema import lab_schema

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "how-to" / "compare-your-own-app.md").read_text(encoding="utf-8")
REFERENCE = ROOT / "docs" / "reference"
QUICKLY = {"compare": ("--rounds", "1", "--duration", "200ms", "--wait"), "explain": ("--wait",)}


def blocks(language: str) -> list[str]:
    """Return the guide's blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, flags=re.DOTALL)


@pytest.mark.alone
@pytest.mark.timeout(240)
@pytest.mark.usefixtures("undrawn")
def test_the_commands_of_the_guide_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each as it stands, in the folder of the guide's own app, only shorter; nothing but ``results`` is left of it."""
    (app,) = blocks("python")
    (tmp_path / "shop.py").write_text(app, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name in ("FLASK_APP", "VIRTUAL_ENV"):
        monkeypatch.delenv(name, raising=False)
    commands = [line.removeprefix("$ ") for block in blocks("console") for line in block.splitlines()]
    assert 5 == len(commands)
    for command in commands:
        words = shlex.split(command)
        quickly = QUICKLY.get(words[1], ())
        done = CliRunner().invoke(cli.lab, [*words[1:], *quickly], prog_name="lab")
        # In one round the A/A is not judged, so it cannot fail by chance.
        assert 0 == done.exit_code, f"{command}\n{done.output}"
        assert "Void" not in done.output
    assert {"shop.py", "shop.sqlite", "lab.toml", "results", "__pycache__"} >= {
        path.name for path in tmp_path.iterdir()
    }


def test_the_guides_file_is_one(tmp_path: Path) -> None:
    """By the lab and by the published schema."""
    (text,) = blocks("toml")
    (tmp_path / "lab.toml").write_text(text, encoding="utf-8")
    found = lab_file.find(tmp_path)
    assert found is not None
    assert (["now", "next"], ["items", "order"]) == (list(found.contenders), list(found.requests))
    jsonschema.validate(tomllib.loads(text), lab_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"requests": {"items": {"paht": "/"}}}, lab_schema())


def test_the_schema_is_published() -> None:
    """After a change: python -m benchmarks.measure.run_schema lab > docs/reference/lab.schema.json."""
    assert json.loads((REFERENCE / "lab.schema.json").read_text(encoding="utf-8")) == lab_schema()


def test_every_key_is_documented() -> None:
    """The reference names each, and no other."""
    schema = lab_schema()
    kinds = (schema, schema["$defs"]["ContenderEntry"], schema["$defs"]["RequestEntry"])
    keys = {key for kind in kinds for key in kind["properties"]} - {"contenders", "requests"}
    page = (REFERENCE / "lab-file.md").read_text(encoding="utf-8")
    told = {
        key for row in re.findall(r"^\| (`.*?) \|", page, flags=re.MULTILINE) for key in re.findall(r"`(\w+)`", row)
    }
    assert keys == told


def test_every_server_is_named() -> None:
    """By the word that a target has for it."""
    assert [] == [server for server in SERVERS if f"`{server}`" not in GUIDE]
