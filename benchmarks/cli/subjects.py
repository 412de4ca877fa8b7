"""What a command line asks to compare: a preset, contenders of the catalogue, and anybody's apps with a request."""

from __future__ import annotations

import dataclasses
import functools
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from benchmarks.cli import requests
from benchmarks.cli.options import Percent, Seconds
from benchmarks.contenders import catalogue, installed, lab_file, own_python, targets
from benchmarks.contenders.lab_file import LabFile
from benchmarks.contenders.targets import Target
from benchmarks.errors import InvalidValueError, did_you_mean
from benchmarks.measure.presets import PRESETS
from benchmarks.measure.schedule import ASKED_FACT
from benchmarks.model import Contender, Steadiness, Variant, Workload

if TYPE_CHECKING:
    from rich.console import Console

_HOLDS = ("bytes", "length", "shape", "nothing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subjects:
    """What is compared, and by which requests.

    Attributes:
        preset: Name of the size of run.
        contenders: All of them; empty for the catalogue's usual ones.
        requests: What to ask of them; empty for the workloads that the lab's own apps have.
        against: Id of the contender that every other is compared with; ``None`` for twins and bridges.
        budget_s: Time for the run, seconds, where a project's file gives one.
        margin: Half-width of what counts as equal, as a fraction, likewise.
        facts: What to record of apps that are not the lab's own.
        may_differ: Whether answers that differ are only noted.
        recorded_by: By id, what returns a contender with a recorder in its server, given the recorder's folder.
    """

    preset: str
    contenders: tuple[Contender, ...]
    requests: tuple[Workload, ...] = ()
    against: str | None = None
    budget_s: float | None = None
    margin: float | None = None
    facts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    may_differ: bool = False
    recorded_by: Mapping[str, Callable[[Path], Contender]] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The words and options that describe targets and their request, as given."""

    words: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    folder: Path
    python: str | None
    pythons: str | None = None
    commands: tuple[str, ...]
    workers: int | None
    threads: int | None
    path: str | None
    method: str
    headers: tuple[str, ...]
    body: str | None
    statuses: tuple[int, ...]
    hold: Steadiness
    request_file: Path | None
    mix: bool
    against: str | None = None
    allow_different: bool

    @property
    def each_python(self) -> tuple[str, ...]:
        """The Pythons that are compared with each other."""
        return tuple(name for each in (self.pythons or "").split(",") if (name := each.strip()))


_ASKING = tuple(each.name for each in dataclasses.fields(Asked))


def subject_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command words and options that say what to compare, passed to it as ``subjects``.

    What they find is looked for when the command calls it with a console, on which it says where each app came from.
    """

    @click.argument("words", nargs=-1, metavar="[PRESET | CONTENDER | TARGET]...")
    @click.option("-c", "--contender", "more", multiple=True, help="The same as a word: an id, a pattern or a target.")
    @click.option("--pythons", metavar="A,B", help="Run each on each of these Pythons, and compare all with the first.")
    @click.option("--against", metavar="CONTENDER", help="Compare each with this one; by default with the first.")
    @asked_options
    @functools.wraps(command)
    def found(*arguments: Any, asked: Asked, **options: Any) -> None:
        command(*arguments, subjects=functools.partial(_subjects, asked), **options)

    return found


def asked_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that describe apps and their request, passed to it as ``asked``.

    It has the command's words too, where it takes any.
    """

    @click.option("--command", "commands", multiple=True, help="Starts an app: 'python server.py --port {port}'.")
    @click.option(
        "--folder",
        type=click.Path(path_type=Path, exists=True, file_okay=False),
        default=Path(),
        help="Where the apps are imported and run, unless here.",
    )
    @click.option("--python", help="Python of the apps, or its environment; by default the one beside the app.")
    @click.option("--workers", type=click.IntRange(1, 64), help="Worker processes of each app's server (1).")
    @click.option(
        "--threads", type=click.IntRange(1, 1000), help="Threads of each worker; by default the server decides."
    )
    @click.option("--path", help="What to ask the apps for: /items?limit=10 (/).")
    @click.option(
        "--method", type=click.Choice(requests.METHODS, case_sensitive=False), default="GET", help="Of the request."
    )
    @click.option(
        "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="Of the request; may be repeated."
    )
    @click.option("--body", help="Of the request: text, or @FILE.")
    @click.option(
        "--request",
        "request_file",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="Requests to ask, of an .http file: each is a workload.",
    )
    @click.option("--mix", is_flag=True, help="Ask these in a random order, by their weights, as one workload.")
    @click.option(
        "--status", "statuses", type=click.IntRange(100, 599), multiple=True, help="That is valid (200 to 299)."
    )
    @click.option(
        "--hold",
        type=click.Choice(_HOLDS),
        default="bytes",
        help="What of an answer must stay the same, at most; what changes by itself is found out.",
    )
    @click.option("--allow-different", is_flag=True, help="Compare apps although their answers differ.")
    @functools.wraps(command)
    def asking(*arguments: Any, **options: Any) -> None:
        told = {name: options.pop(name) for name in _ASKING if name in options}
        told["folder"] = told["folder"].absolute()
        command(*arguments, asked=Asked(**told), **options)

    return asking


def _subjects(asked: Asked, console: Console) -> Subjects:
    """Return what the words and options, and the project's file, ask for.

    Raises:
        InvalidValueError: A word is nothing that can be compared, or an option belongs to what was not asked.
    """
    told = lab_file.find(asked.folder) or LabFile()
    words = (*asked.words, *asked.more)
    presets = [word for word in words if word in PRESETS]
    if len(presets) > 1:
        raise InvalidValueError(f"{' and '.join(presets)} are both presets: name one.", "PRESET")
    preset = presets[0] if presets else told.preset or "quick"
    rest = [word for word in words if word not in PRESETS]
    if not rest and not asked.commands:
        rest = list(told.contenders)
    found = [Target(contender=targets.started_by(command, asked.folder), versions={}) for command in asked.commands]
    patterns = [word for word in rest if not targets.is_target(word) and word not in told.contenders]
    for pattern in patterns:
        _check_known(pattern, told)
    catalogued, left_out = installed.select(patterns)
    for word in rest:
        if word in told.contenders:
            found += _of_entry(word, told, asked)
        elif targets.is_target(word):
            found += _targets(word, asked)
    _say(console, left_out, *(target.contender.description for target in found))
    theirs = [target.contender for target in found]
    if not theirs:
        _refuse_request(asked)
        usual = PRESETS[preset]
        if not catalogued and usual.contenders:
            catalogued, left_out = installed.select(usual.contenders, are_named=False)
            _say(console, left_out)
        return _on_each_python(_of_catalogue(preset, catalogued, asked.against or usual.against), asked)
    # In the order in which they were asked for: the first is the reference.
    contenders = _named_apart([*theirs, *catalogued])
    return Subjects(
        preset=preset,
        contenders=contenders,
        recorded_by={
            contender.id: target.recorded_by
            for contender, target in zip(contenders, found, strict=False)
            if target.recorded_by is not None
        },
        requests=tuple(requests.asked_for(asked, told)),
        against=_reference(asked.against or told.against or None, contenders),
        facts={ASKED_FACT: as_asked()}
        | {f"{target.contender.id}: {name}": version for target in found for name, version in target.versions.items()},
        may_differ=asked.allow_different or told.allow_different,
        budget_s=Seconds(10, 86_400).convert(told.budget, None, None) if told.budget else None,
        margin=Percent(0.5, 50).convert(told.margin, None, None) if told.margin else None,
    )


def _say(console: Console, *lines: str) -> None:
    for line in filter(None, lines):
        console.print(line, highlight=False, markup=False)


def _of_catalogue(preset: str, chosen: tuple[Contender, ...], against: str | None) -> Subjects:
    """Return what is compared where all is the catalogue's; without the reference there is nothing to compare with."""
    if against is None:
        return Subjects(preset=preset, contenders=chosen)
    (reference,), _ = installed.select([against])
    compared = chosen or catalogue.WORKSHOP
    contenders = chosen if reference in compared else (*compared, reference)
    return Subjects(preset=preset, contenders=contenders, against=reference.id)


def as_asked(*more: str) -> str:
    """Return the words and options of this command line that say what is compared, and those of further parameters."""
    context = click.get_current_context()
    told: list[str] = []
    for parameter in context.command.params:
        name = parameter.name or ""
        if name not in (*_ASKING, *more) or context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        value = context.params[name]
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(parameter, click.Argument):
                told.append(str(each))
            else:
                told += [parameter.opts[-1], *([] if each is True else [str(each)])]
    return shlex.join(told)


def one_target(word: str, asked: Asked, told: LabFile) -> Target:
    """Return the app that a word names: an entry of the project's file, or a target.

    Raises:
        InvalidValueError: It names two, or cannot be found.
    """
    found = _of_entry(word, told, asked) if word in told.contenders else _targets(word, asked)
    if len(found) > 1:
        raise InvalidValueError(f"{word} has twins: name an entry with one app, and each path as a request.", "TARGET")
    return found[0]


def _of_entry(name: str, told: LabFile, asked: Asked) -> list[Target]:
    """Return the contender of a project's file, or both where it has twins.

    Raises:
        InvalidValueError: It is not one thing, or cannot be found.
    """
    entry = told.contenders[name]
    kinds = [kind for kind in ("app", "command", "url") if getattr(entry, kind)]
    if len(kinds) != 1 or bool(entry.sync) != bool(entry.async_):
        raise InvalidValueError(
            f"[contenders.{name}] says {' and '.join(kinds) or 'nothing'}: it wants one of app, command and url"
            f"{'; and sync with async' if entry.sync or entry.async_ else ''}.",
            lab_file.NAME,
        )
    folder = told.folder / entry.folder
    if entry.url:
        found = Target(contender=targets.running_at(entry.url), versions={})
    elif entry.command:
        found = Target(contender=targets.started_by(entry.command, folder), versions={})
    else:
        python = asked.python or (None if entry.python is None else str(told.folder / entry.python))
        server, bridge = f"@{entry.server}" if entry.server else "", f"+{entry.bridge}" if entry.bridge else ""
        found = targets.find(
            f"{entry.app}{server}{bridge}",
            own_python.surroundings(folder, python, entry.environment),
            workers=asked.workers or entry.workers,
            threads=asked.threads or entry.threads,
        )
    one = dataclasses.replace(found.contender, environment={**entry.environment, **found.contender.environment})
    if not entry.sync:
        one = dataclasses.replace(one, name=name, path=entry.path)
        return [dataclasses.replace(found, contender=one)]
    twins: tuple[tuple[Variant, str], ...] = (("sync", entry.sync), ("async", entry.async_))
    return [
        dataclasses.replace(
            found, contender=dataclasses.replace(one, framework=name, name="", variant=variant, path=path)
        )
        for variant, path in twins
    ]


def _check_known(word: str, told: LabFile) -> None:
    """Refuse a word that is neither a contender nor nearly one: the nearest of all that there is may be a preset."""
    if any(sign in word for sign in "*?[") or word in {contender.id for contender in catalogue.CONTENDERS}:
        return
    known = [*told.contenders, *PRESETS, *(contender.id for contender in catalogue.CONTENDERS)]
    raise InvalidValueError(
        f"{word!r} is no preset ({', '.join(PRESETS)}), no contender (`lab contenders` lists them) and no app, such as "
        f"shop:app@uvicorn.{did_you_mean(word, known)}",
        "TARGET",
    )


def _targets(word: str, asked: Asked) -> list[Target]:
    """Return the contender that a word names, or one for each Python that was asked for."""
    if re.match(r"https?://", word):
        return [Target(contender=targets.running_at(word), versions={})]
    found = []
    for python in asked.each_python or (asked.python,):
        where = own_python.surroundings(asked.folder, python)
        target = targets.find(word, where, workers=asked.workers, threads=asked.threads)
        build = own_python.build_of(where) if asked.each_python else ""
        found.append(dataclasses.replace(target, contender=dataclasses.replace(target.contender, build=build)))
    return found


def _on_each_python(subjects: Subjects, asked: Asked) -> Subjects:
    """Return the lab's own contenders on each Python that was asked for; as they are where none was."""
    if not asked.each_python:
        return subjects
    places = [own_python.surroundings(asked.folder, python) for python in asked.each_python]
    builds = {where.python: own_python.build_of(where, ("flask_app", "benchmarks")) for where in places}
    contenders = [
        dataclasses.replace(contender, interpreter=python, build=build)
        for python, build in builds.items()
        for contender in subjects.contenders or catalogue.WORKSHOP
    ]
    apart = _named_apart(contenders)
    # The reference runs on the first of them.
    wanted = f"{subjects.against}~" if subjects.against else apart[0].id
    against = next(each.id for each in apart if each.id.startswith(wanted))
    return dataclasses.replace(subjects, contenders=apart, against=against)


def _named_apart(contenders: Sequence[Contender]) -> tuple[Contender, ...]:
    """Number contenders of one id: everything refers to them by it."""
    seen: dict[str, int] = {}
    apart = []
    for contender in contenders:
        seen[contender.id] = count = seen.get(contender.id, 0) + 1
        apart.append(contender if count == 1 else dataclasses.replace(contender, name=f"{contender.id}#{count}"))
    return tuple(apart)


def _reference(word: str | None, contenders: Sequence[Contender]) -> str:
    ids = [contender.id for contender in contenders]
    if word is None:
        return next(contender.id for contender in contenders if not contender.is_own)
    if word in ids:
        return word
    raise InvalidValueError(
        f"{word!r} is not compared.{did_you_mean(word, ids)} There are: {', '.join(ids)}.", "--against"
    )


def _refuse_request(asked: Asked) -> None:
    """Refuse options that describe somebody's app where none is compared."""
    given = {
        "--path": asked.path,
        "--method": asked.method != "GET",
        "--header": asked.headers,
        "--body": asked.body,
        "--request": asked.request_file,
        "--mix": asked.mix,
        "--status": asked.statuses,
        "--workers": asked.workers,
        "--threads": asked.threads,
        "--python": asked.python,
        "--allow-different": asked.allow_different,
    }
    if wanted := [option for option, value in given.items() if value]:
        raise InvalidValueError(
            f"{' and '.join(wanted)} is for an app of your own: name one, such as shop:app@gunicorn.", wanted[0]
        )
