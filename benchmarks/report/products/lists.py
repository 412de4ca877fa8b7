"""Builds the documents of what can be listed: the ledger with how each claim is tested, and what can be compared."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from benchmarks.contenders import catalogue, installed
from benchmarks.contenders.own_python import Surroundings
from benchmarks.contenders.servers import SERVERS, Interface, Server
from benchmarks.judge.claims import Claim, ClaimTest
from benchmarks.measure.server import command_of
from benchmarks.model import Contender
from benchmarks.report.document import Block, Command, Document, Note, Paragraph, Section
from benchmarks.report.formats.data import plain

_HOW: Final = {
    "documents": "compare its OpenAPI documents without and with the response model",
    "ratio": "compare `async def` with `def` on {0.arrangement}, workload {0.workload}",
    "waits": "count the waits in progress on {0.arrangement} against its threads, workload {0.workload}",
    "event-loop": "look which threads run on {0.arrangement} while it serves `async def`, workload {0.workload}",
    "best": "compare the best of {0.framework} with the best of {0.against}, workload {0.workload}; "
    "much is {0.much:g} ×",
}
_YOURS: tuple[Interface, ...] = ("wsgi", "asgi")


def claims_document(claims: Sequence[Claim]) -> Document:
    """Return the document of ``lab claims``, which tells them in this order."""
    return Document(
        kind="claims",
        title="What the tutorial claims, and how it is tested",
        blocks=(Section(title="The ledger", blocks=tuple(map(_claim, claims))),),
        data={"claims": claims},
        records=[
            {"number": claim.number, "id": claim.id, "title": claim.title, "subject": test.subject, "tried": _how(test)}
            for claim in claims
            for test in claim.tests
        ],
    )


def _claim(claim: Claim) -> Section:
    return Section(
        title=f"{claim.number}. {claim.title} ({claim.id})",
        blocks=(
            *(Paragraph(words, "quote") for words in claim.quote),
            Paragraph(claim.english),
            *(
                Note(f"{figure.name}: {sync}async def {figure.asynchronous:g}{ratio}")
                for figure in claim.figures
                for sync in ["" if figure.sync is None else f"def {figure.sync:g}, "]
                for ratio in ["" if figure.ratio is None else f"; async/sync {figure.ratio:.3g}"]
            ),
            *(Note(f"{test.subject}: {_how(test)}") for test in claim.tests),
        ),
    )


def _how(test: ClaimTest) -> str:
    return _HOW[test.kind].format(test)


def contenders_document(where: Surroundings, version: str | None, versions: Mapping[str, str]) -> Document:
    """Return the document of ``lab contenders``.

    Args:
        where: An app would live, for the servers that it could run on.
        version: Of that Python; ``None`` where it could not be asked.
        versions: Of the packages that it has, by import name.
    """
    contenders = catalogue.CONTENDERS
    absent = [contender.id for contender in contenders if installed.lacking(contender)]
    servers = [server for server in SERVERS.values() if server.interfaces & set(_YOURS)]
    usual = [contender for contender in contenders if contender in catalogue.USUAL]
    others = [contender for contender in contenders if contender not in catalogue.USUAL]
    return Document(
        kind="contenders",
        title="What can be compared",
        blocks=(
            Paragraph(
                f"{len(usual)} are the usual ones, bare servers among them: a command compares them, or calibrates its "
                f"loader on them, if none is named. {len(others)} others are compared if they are asked for."
            ),
            *((Note(f"{len(absent)} cannot run here. {installed.how_to_install()}", "warning"),) if absent else ()),
            Section(title="The usual ones", blocks=tuple(_contenders(usual))),
            Section(title="The field: frameworks, servers and bridges", blocks=tuple(_contenders(others))),
            Section(
                title="Servers for an app of yours: MODULE:ATTRIBUTE@SERVER",
                blocks=(
                    Paragraph(f"{where.python}, {where.source}, has"),
                    *(Note(f"`{server.id}`: {_told(server, versions)}") for server in servers),
                ),
            ),
        ),
        data={
            "contenders": [{"id": each.id, **plain(each), **_more(each)} for each in contenders],
            "install": installed.how_to_install() if absent else None,
            "servers": [
                {
                    "id": server.id,
                    "name": server.name,
                    "needs": server.packages,
                    "version": versions.get(server.package),
                    "lacks": {name: server.lacks(name, versions) for name in _YOURS if name in server.interfaces},
                    "remark": server.remark,
                }
                for server in servers
            ],
            "python": {"path": where.python, "source": where.source, "version": version},
        },
        records=[
            {
                **{name: getattr(each, name) for name in ("id", "framework", "variant", "server", "bridge")},
                "description": each.description,
                **{
                    name: shlex.join(value) if isinstance(value, list) else value for name, value in _more(each).items()
                },
            }
            for each in contenders
        ],
    )


def _more(contender: Contender) -> dict[str, object]:
    """Return what a program wants to know of a contender beside its parts."""
    return {
        "command": _command(contender),
        "usual": contender in catalogue.USUAL,
        "lacks": list(installed.lacking(contender)),
    }


def _contenders(contenders: Sequence[Contender]) -> Iterator[Block]:
    for twins in catalogue.by_command(contenders):
        absent = installed.lacking(twins[0])
        told = f" Not installed here: {' and '.join(absent)}." if absent else ""
        for contender in twins:
            yield Note(f"`{contender.id}`: {contender.description}.{told}", "warning" if absent else "plain")
        yield Command("Started by", shlex.join(_command(twins[0])))


def _command(contender: Contender) -> list[str]:
    return ["python", *command_of(contender)[1:]]


def _told(server: Server, versions: Mapping[str, str]) -> str:
    """Return which version of a server a Python has and for which apps, or what is missing."""
    lacking: dict[tuple[str, ...], list[str]] = {}
    for interface in _YOURS:
        if interface in server.interfaces:
            lacking.setdefault(server.lacks(interface, versions), []).append(interface.upper())
    told = []
    for packages, interfaces in lacking.items():
        found = f"needs {' and '.join(packages)}" if packages else versions[server.package]
        told.append(f"{' and '.join(interfaces)}: {found}")
    return f"{'; '.join(told)}{'. ' if server.remark else ''}{server.remark}"
