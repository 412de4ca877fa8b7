"""What a probe is, and which there are: every function of ``probes/`` that says so. A new one needs nothing else."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from benchmarks.conformance.subject import Subject

Look = Callable[["Subject"], str]
"""Looks at a server that answers; returns in a few words how it does what it should, or raises ``ProbeFailedError``."""


class ProbeFailedError(Exception):
    """A server did not do what a probe is about; the message is a sentence of what was seen."""


def fail(sentence: str) -> NoReturn:
    """Say what was seen in place of what should be.

    Raises:
        ProbeFailedError: Always.
    """
    raise ProbeFailedError(sentence)


def piped(line: str, *headers: str, body: str = "", host: str = "Host: x", options: str = "-w 3") -> str:
    """Return what sends a request that no client would, for a shell.

    Args:
        line: Its first line.
        headers: Its headers, whole lines.
        body: What follows them.
        host: The header that is among them; empty for none.
        options: Of ``nc``.
    """
    lines = (line, *filter(None, (host,)), *headers, "", "")
    return f"printf '{BREAK.join(lines)}{body}' | nc {options} 127.0.0.1 8000"


BREAK = "\\r\\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a reader must know of a probe; kept with a matrix.

    Attributes:
        id: In a few words of ASCII.
        title: What should be, as a sentence without a full stop.
        source: Where that is said.
        effect: What happens to a user where it fails.
        request: The smallest request that shows it, for a shell; the server listens on port 8000.
    """

    id: str
    title: str
    source: str
    effect: str
    request: str

    def asking(self, path: str, prefix: str) -> About:
        """Return the same with the request filled in: for a path that answers, and for the prefix of probe routes."""
        url = "http://127.0.0.1:8000"
        values = {"{path}": path, "{probes}": f"{url}{prefix}", "{prefix}": prefix, "{url}": url}
        request = self.request
        for placeholder, value in values.items():
            request = request.replace(placeholder, value)
        return replace(self, request=request)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One behaviour, and the function that looks for it.

    Attributes:
        about: For a reader.
        look: The function.
        needs: Probe routes that it asks; empty for what any app can be asked.
        speaks: The interface of apps that it is about; empty for any.
        is_last: Whether it ends the server, which then has to be started anew.
    """

    about: About
    look: Look
    needs: frozenset[str]
    speaks: str
    is_last: bool


_PROBES: dict[str, Probe] = {}


def probe(
    title: str,
    *,
    source: str,
    effect: str,
    request: str,
    needs: str = "",
    speaks: str = "",
    is_last: bool = False,
) -> Callable[[Look], Look]:
    """Make a function a probe, whose id is its name with dashes.

    Args:
        title: The behaviour.
        source: The RFC's section, the specification, or the framework's documentation.
        effect: What its absence does to a user.
        request: Its smallest reproduction: ``{url}`` is the server's, ``{path}`` a path that answers, ``{probes}`` the
            URL of the probe routes and ``{prefix}`` their path.
        needs: Names of the probe routes, with blanks between.
        speaks: ``wsgi`` or ``asgi``.
        is_last: See ``Probe``.
    """

    def marked(look: Look) -> Look:
        name = look.__name__.replace("_", "-")
        about = About(id=name, title=title, source=source, effect=effect, request=request)
        _PROBES[name] = Probe(about=about, look=look, needs=frozenset(needs.split()), speaks=speaks, is_last=is_last)
        return look

    return marked


@functools.cache
def probes() -> Mapping[str, Probe]:
    """Return all probes by id, module by module; those that end the server come last."""
    package = importlib.import_module("benchmarks.conformance.probes")
    for module in sorted(each.name for each in pkgutil.iter_modules(package.__path__)):
        importlib.import_module(f"{package.__name__}.{module}")
    # One that was made elsewhere, as in an example, is no probe of the lab's.
    own = {name: each for name, each in _PROBES.items() if (each.look.__module__ or "").startswith(package.__name__)}
    return dict(sorted(own.items(), key=lambda item: item[1].is_last))
