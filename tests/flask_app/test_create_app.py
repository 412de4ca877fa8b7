import json
import re
import subprocess
import sys
from importlib import metadata

import pytest
from packaging.requirements import Requirement

from flask_app import create_app
from flask_app.settings import Settings

IMPORTS = """
import json, sys
before = set(sys.modules)
from flask_app import create_app
from flask_app.serving import asgi, wsgi
print(json.dumps(sorted({name.split(".")[0] for name in set(sys.modules) - before})))
"""


def distributions_needed(name: str) -> set[str]:
    """Return a distribution and all that it requires without extras but those asked for, by normalised name."""
    needed: dict[str, frozenset[str]] = {}
    todo = [(name, frozenset[str]())]
    while todo:
        wanted, extras = todo.pop()
        if extras <= needed.get(wanted, frozenset()) and wanted in needed:
            continue
        needed[wanted] = needed.get(wanted, frozenset()) | extras
        for line in metadata.requires(wanted) or []:
            requirement = Requirement(line)
            environments = [{"extra": extra} for extra in {"", *extras}]
            if requirement.marker is None or any(requirement.marker.evaluate(each) for each in environments):
                todo.append((normalised(requirement.name), frozenset(requirement.extras)))
    return set(needed)


def normalised(name: str) -> str:
    """Return a distribution's name in the one way in which it compares."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_service_stands_alone() -> None:
    """The service imports only the standard library and what it requires, nothing that only the instrument needs."""
    started = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True, timeout=60)
    # What the HTTP client takes where it is there, and can do without.
    allowed = distributions_needed("sync-async-lab") | {"brotli"}
    distributions = metadata.packages_distributions()

    foreign = {
        module: distributions[module]
        for module in json.loads(started.stdout)
        if module in distributions and not {normalised(name) for name in distributions[module]} & allowed
    }

    assert {} == foreign


def test_two_apps_do_not_share() -> None:
    """Each app has its own settings, whichever was created last."""
    first, second = create_app(Settings(version=1)), create_app(Settings(version=2))

    assert 1 == first.test_client().get("/health").get_json()["version"]
    assert 2 == second.test_client().get("/health").get_json()["version"]


@pytest.mark.parametrize("max_body_bytes", [0, 10])
def test_the_body_limit_is_what_the_settings_say(max_body_bytes: int) -> None:
    """The settings decide which body is too long, and one of just that length is not."""
    client = create_app(Settings(max_request_body_bytes=max_body_bytes)).test_client()

    assert 200 == client.get("/health", data=b"x" * max_body_bytes).status_code
    assert 413 == client.get("/health", data=b"x" * (max_body_bytes + 1)).status_code


def test_a_length_that_is_no_number() -> None:
    """A length that cannot be read limits nothing, since there is then no body to be read either."""
    client = create_app(Settings()).test_client()

    assert 200 == client.get("/health", headers={"Content-Length": "many"}).status_code
