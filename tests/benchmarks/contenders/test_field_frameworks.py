"""Every framework of the field on each of its servers; Flask and FastAPI are on all servers: test_field_servers.py."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.contenders import catalogue, field
from tests.benchmarks.contenders.served_contenders import Twins, check_contract, named, started

EVERYWHERE = ("flask", "plainflask", "fastapi", "tunedfastapi")


@pytest.mark.parametrize("twins", started(lambda each: each.framework not in EVERYWHERE), ids=named)
def test_a_framework_answers_as_all_do(twins: Twins) -> None:
    """By one start of its server: the check and the wait of each keyword; a wait out of bounds is refused."""
    check_contract(twins)


def test_the_field_is_stock() -> None:
    """No app of it freezes the collector, as the lab's own two do for themselves: that would be tuning."""
    sources = {path.name: path.read_text(encoding="utf-8") for path in Path(field.__path__[0]).glob("*.py")}

    assert {app.target.partition(":")[0].rpartition(".")[2] for app in catalogue.APPS if ".field." in app.target} == {
        name.removesuffix(".py") for name in sources
    } - {"__init__"}
    assert [] == [name for name, source in sources.items() if re.search(r"\bgc\b|settle_collector", source)]


def test_a_framework_has_the_keywords_that_it_takes() -> None:
    """Where it takes one alone, or would call a def on its loop, there is no twin."""
    alone = {contender.arrangement for contender in catalogue.CONTENDERS if contender.variant is not None} - {
        contender.arrangement for contender in catalogue.CONTENDERS if contender.variant == "sync"
    }

    assert {"aiohttp", "sanic", "sanic-asgi", "blacksheep", "falcon"} == {name.partition("@")[0] for name in alone}
    assert ["falcon-wsgi-sync@gunicorn-gthread", "falcon-wsgi-sync@granian"] == [
        contender.id for contender in catalogue.CONTENDERS if contender.framework == "falcon-wsgi"
    ]
