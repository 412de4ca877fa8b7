"""A project's file: found upward, read whole or refused with its line, and the requests of an ``.http`` file."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.contenders import http_file, lab_file
from benchmarks.errors import InvalidValueError

LAB = """
against = "now"
preset = "full"
margin = "3%"
mix = true

[contenders.now]
app = "shop:app"
server = "gunicorn"
environment = {DATABASE_URL = "${DATABASE_URL}"}

[contenders.twins]
app = "shop:app"
sync = "/report/sync"
async = "/report/async"

[requests.items]
path = "/items?limit=10"
weight = 3
rate_per_s = 200

[requests.order]
path = "/orders"
method = "POST"
headers = {Content-Type = "application/json"}
body = '{"id": "{{$uuid}}"}'
statuses = [201]
"""


def test_a_file_is_found_upward(tmp_path: Path) -> None:
    """From a folder below it, ``lab.toml`` before ``pyproject.toml``, which may have no part for the lab."""
    below = tmp_path / "src" / "shop"
    below.mkdir(parents=True)
    (tmp_path / "src" / "pyproject.toml").write_text('[project]\nname = "shop"\n', encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text('[tool.lab.contenders.a]\napp = "a:app"\n', encoding="utf-8")
    found = lab_file.find(below)
    assert found is not None
    assert (["a"], tmp_path) == (list(found.contenders), found.folder)
    (tmp_path / "lab.toml").write_text(LAB, encoding="utf-8")
    found = lab_file.find(below)
    assert found is not None
    assert ("now", "full", ["now", "twins"]) == (found.against, found.preset, list(found.contenders))
    assert "/report/async" == found.contenders["twins"].async_
    assert (3.0, 200.0) == (found.requests["items"].weight, found.requests["items"].rate_per_s)
    assert ("3%", True) == (found.margin, found.mix)
    assert ("POST", (201,)) == (found.requests["order"].method, found.requests["order"].statuses)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\n\nagianst = 'now'\n", ("line 3", "'agianst'", "Did you mean against?")),
        ("[contenders.now]\nap = 'shop:app'\n", ("line 2", "[contenders.now]", "Did you mean app?")),
        ("[requests.items]\npath = '/'\nstatus = [200]\n", ("line 3", "Did you mean statuses?")),
        ("[contenders.now]\napp = 'shop:app'\nworkers = 'two'\n", ("line 3", "workers", "integer")),
        ("[requests.items]\nmethod = 'GET'\n", ("path", "required")),
        ("[requests.items]\npath = '/'\nhold = 'byte'\n", ("line 3", "hold", "bytes")),
        ("contenders = 7\n", ("line 1", "contenders")),
        ("[contenders\n", ("line 1",)),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, words: tuple[str, ...], tmp_path: Path) -> None:
    """An unknown key has its nearest, a wrong type its line."""
    (tmp_path / "lab.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InvalidValueError) as caught:
        lab_file.find(tmp_path)
    assert [word for word in words if word not in str(caught.value)] == []


HTTP = """
@host = http://localhost:8000
@items = {{host}}/items

# Lists them.
GET {{items}}
  ?limit=10
  &page=2
Accept: application/json

### order
POST {{host}}/orders HTTP/1.1
Content-Type: application/json
# not a header
X-Key: {{$uuid}}

# this is the body's
{"article": "{{$randomInt 1 6}}"}

###
// @name all of it
# @weight 2.5
DELETE /items
###
GET {{items}}
###
"""


def test_the_requests_of_an_http_file(tmp_path: Path) -> None:
    """Parted by ``###``; named behind it, by ``@name`` or by themselves; whom they name is not asked."""
    path = tmp_path / "shop.http"
    path.write_text(HTTP, encoding="utf-8")
    found = http_file.read(path)
    assert ["GET /items?limit=10&page=2", "order", "all of it", "GET /items"] == list(found)
    first, order, *_ = found.values()
    assert {"Accept": "application/json"} == first.headers
    assert ("POST", "/orders") == (order.method, order.path)
    assert {"Content-Type": "application/json", "X-Key": "{{$uuid}}"} == order.headers
    assert [1.0, 1.0, 2.5, 1.0] == [entry.weight for entry in found.values()]
    assert '# this is the body\'s\n{"article": "{{$randomInt 1 6}}"}' == order.body


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("GET {{host}}/items\n", ("line 1", "host is not set", "@host = VALUE")),
        ("\nfetch all the items\n", ("line 2", "no request")),
        ("GET /\nno header\n", ("line 2", "NAME: VALUE")),
        ("# only a comment\n@a = b\n", ("has no request", "GET /items")),
    ],
)
def test_what_is_no_request_is_told_with_its_line(text: str, words: tuple[str, ...], tmp_path: Path) -> None:
    """What, where, and what to write instead."""
    path = tmp_path / "shop.http"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidValueError) as caught:
        http_file.read(path)
    assert [word for word in words if word not in str(caught.value)] == []
