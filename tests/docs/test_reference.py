"""The reference knows every command, option, setting, route, statistic and exit status, and no other."""

from __future__ import annotations

import ast
import dataclasses
import re
from pathlib import Path

import click
import pytest

from benchmarks.cli import exits
from benchmarks.cli.reference import UndocumentedError, _of_command, reference
from benchmarks.contenders import catalogue
from benchmarks.contenders.servers import SERVERS
from benchmarks.report.products.works_page import works_page
from flask_app import create_app, openapi, settings
from flask_app.settings import Settings

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
EVERY_ROUTE = {"405", "413", "500"}


def page(name: str) -> str:
    """Read a page."""
    return (REFERENCE / name).read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    """Read the rows of a page's tables, without their heads."""
    lines = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line[:1] == "|"]
    return [cells for cells in lines if not set("".join(cells)) <= set("|- ")]


def test_the_reference_of_the_command_line_is_what_the_commands_say() -> None:
    """After a change: python -m benchmarks.cli.reference > docs/reference/cli.md."""
    assert reference() == page("cli.md")


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (click.Command("bare", help=None), "`lab bare` has no docstring"),
        (click.Command("half", help="Do.", params=[click.Option(["--fast"])]), "`lab half`: --fast has no help"),
    ],
    ids=["command", "option"],
)
def test_what_says_nothing_of_itself_is_an_error(command: click.Command, told: str) -> None:
    """It names what has to be described."""
    group = click.Group("lab", commands=[command], help="All.")

    with pytest.raises(UndocumentedError, match=told):
        list(_of_command(click.Context(group, info_name="lab")))


def test_every_setting_is_documented_with_what_it_takes_and_its_default() -> None:
    """One row each, in the order of the settings."""
    shown = {True: "yes", False: "no", (): "none"}
    expected = []
    for field in dataclasses.fields(Settings):
        # Not by equality: 1 is True there.
        default = next((word for value, word in shown.items() if field.default is value), str(field.default))
        variable = f"`{settings.PREFIX}{field.name.upper()}`"
        expected.append(
            [variable, settings._FORMS[field.name].allowed, default if default == "none" else f"`{default}`"]
        )

    assert expected == [cells[:3] for cells in rows(page("settings.md"))[1:]]


def test_every_route_is_documented_with_its_parameters_and_statuses() -> None:
    """And no route that there is not."""
    sections = dict(
        re.findall(r"^### `([A-Z]+ [^`]+)`\n(.*?)(?=^##|\Z)", page("http-api.md"), re.MULTILINE | re.DOTALL)
    )
    routes = {
        f"{method.upper()} {path}": operation
        for path, operations in openapi.document(create_app(Settings()))["paths"].items()
        for method, operation in operations.items()
    }

    assert sorted(routes) == sorted(sections)
    for route, operation in routes.items():
        told = set(re.findall(r"`([^`]+)`", sections[route]))
        names = {parameter["name"] for parameter in operation.get("parameters", [])}
        media = {media for response in operation["responses"].values() for media in response.get("content", {})}
        assert names <= told, route
        assert set(operation["responses"]) - EVERY_ROUTE <= told, route
        assert media <= told, route


def test_every_framework_and_server_is_documented() -> None:
    """Its id, name, interface and keywords, as the catalogue has them; a server under each id."""
    text = page("contenders.md")
    frameworks, servers = (rows(part) for part in text.partition("## Servers")[::2])
    shown = {("async", "sync"): "both", ("sync",): "`def`", ("async",): "`async def`"}
    keywords: dict[str, set[str]] = {each: set() for each in catalogue.FRAMEWORKS}
    for contender in catalogue.CONTENDERS:
        if contender.variant is not None:
            keywords[contender.framework].add(contender.variant)

    assert [
        [
            f"`{each.id}`",
            each.name,
            each.interface.upper() if each.interface in ("wsgi", "asgi") else "its own",
            shown.get(tuple(sorted(keywords[each.id])), "none"),
        ]
        for each in catalogue.FRAMEWORKS.values()
    ] == [cells[:4] for cells in frameworks[1:]]
    assert [f"`{name}`" for name in SERVERS] == [cells[0] for cells in servers[1:]]
    for app in catalogue.APPS:
        (cell,) = [cells[4] for cells in frameworks if cells[0] == f"`{app.framework.id}`"]
        everywhere = f"all of {app.interface.upper()}" in cell
        assert [] == [server for server in app.servers if f"`{server}`" not in cell and not everywhere]


def test_every_exit_status_is_documented() -> None:
    """And none that the lab does not have; 0 needs no name."""
    named = {value for name, value in vars(exits).items() if name.startswith("EXIT_")}

    assert named | {0} == {int(cells[0]) for cells in rows(page("exit-statuses.md"))[1:]}


def test_what_works_where_is_what_the_kept_matrix_says() -> None:
    """After a change: python -m benchmarks.report.products.works_page > docs/reference/what-works-where.md."""
    assert works_page() == page("what-works-where.md")


def test_every_statistic_with_a_source_is_documented() -> None:
    """A function of the judge that cites somebody, and every name of the code that the page gives."""
    cited, known = set(), set()
    for path in (ROOT / "benchmarks" / "trials.py", *(ROOT / "benchmarks" / "judge").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef | ast.ClassDef):
                continue
            inner = (
                [each for each in node.body if isinstance(each, ast.FunctionDef)]
                if isinstance(node, ast.ClassDef)
                else []
            )
            for name, each in [(node.name, node), *((f"{node.name}.{each.name}", each) for each in inner)]:
                known.add(f"{path.stem}.{name}")
                if "Source:" in (ast.get_docstring(each) or ""):
                    cited.add(f"{path.stem}.{name}")
    told = set(re.findall(r"`(\w+(?:\.\w+)+)`", page("statistics.md")))

    assert set() == cited - told
    assert set() == told - known
