"""Says which run something is about: its facts, and the commands that measure it again, report it and resume it."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.contenders import catalogue
from benchmarks.measure.environment import Fact
from benchmarks.measure.load.engine import DEFAULT_ENGINE
from benchmarks.measure.presets import PRESETS, Preset
from benchmarks.measure.schedule import ASKED_FACT, CHECK_FACT
from benchmarks.measure.workloads import HEALTH, USUAL, WORKLOADS
from benchmarks.model import EQUAL_RATE, RACE, LoadProfile, Plan, Run


def run_facts(run: Run, folder: Path | None = None) -> dict[str, object]:
    """Return which run something is about, and the folder that has it."""
    return {
        "name": run.name,
        "folder": None if folder is None else str(folder),
        "state": run.state,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "preset": run.plan.preset,
        "seed": run.plan.seed,
        "trials": len(run.trials),
        "resumptions": len(run.resumptions),
        "command": compare_command(run.plan, run.environment),
    }


def compare_command(plan: Plan, facts: Mapping[str, Fact]) -> str:
    """Return the command that makes this plan: its preset, its seed, and what differs from the preset.

    The run's environment says whether workers had the load from a master, and where it was.
    """
    if isinstance(checked := facts.get(CHECK_FACT), str):
        return checked
    asked = facts.get(ASKED_FACT)
    words = shlex.split(asked) if isinstance(asked, str) else []
    if plan.preset == RACE:
        # A race is chosen on the page, which takes no seed.
        return shlex.join(["lab", "live", *words])
    command, options = _asking(facts)
    if plan.engine != DEFAULT_ENGINE and not options:
        options = ["--engine", plan.engine]
    preset = [] if plan.preset in words else [plan.preset]
    overrides = _overrides(plan, contenders=asked is None)
    return shlex.join([*command, *preset, *words, *options, "--seed", str(plan.seed), *overrides])


def report_command(place: Path) -> str:
    """Return the command that reports a kept run again, from its folder or a file of it."""
    return shlex.join(["lab", "report", str(place)])


def resume_command(folder: Path, facts: Mapping[str, Fact]) -> str:
    """Return the command that resumes the run of a folder, whose facts are as of ``compare_command``."""
    command, options = _asking(facts)
    return shlex.join([*command, *options, "--resume", str(folder)])


def _asking(facts: Mapping[str, Fact]) -> tuple[list[str], list[str]]:
    """Return the command that a run was started by, and the options of its load: workers of a master, or none."""
    if facts.get("load_workers") is None:
        return ["lab", "compare"], []
    named = (("--workers", "load_workers"), ("--host", "load_host"), ("--port", "load_port"))
    told = [(option, facts[name]) for option, name in named if facts.get(name) is not None]
    return ["lab", "locust", "master"], [word for option, value in told for word in (option, str(value))]


def _overrides(plan: Plan, *, contenders: bool) -> Iterator[str]:
    health = plan.loads.get(plan.first if plan.against is not None else HEALTH.name)
    planned = {workload.name for workload in plan.workloads}
    asked = tuple(name for name, offer in WORKLOADS.items() if any(each.name in planned for each in offer.workloads))
    if asked and asked != USUAL:
        yield from (word for name in asked for word in ("--workload", name))
    preset = PRESETS.get(plan.preset)
    if plan.budget_s is not None:
        yield from ("--budget", f"{plan.budget_s:g}s")
    elif preset is not None:
        yield from _sizes(plan, preset, health)
    if plan.precision is not None:
        yield from ("--precision", f"{100 * plan.precision:g}%")
    if health is not None and health.rate_per_s is not None:
        yield from ("--rate", f"{health.rate_per_s:.12g}/s")
    if plan.latency_at is not None:
        yield from ("--latency-at", f"{100 * plan.latency_at:.12g}%")
    if contenders:
        yield from _contenders(plan)


def _contenders(plan: Plan) -> Iterator[str]:
    """Yield which of the catalogue's contenders are compared, on which Pythons, and with which one."""
    if not _has_usual_contenders(plan):
        for name in dict.fromkeys(dataclasses.replace(each, build="").id for each in plan.contenders):
            yield from ("--contender", name)
    if pythons := [each for each in dict.fromkeys(each.interpreter for each in plan.contenders) if each]:
        yield from ("--pythons", ",".join(pythons))
    preset = PRESETS.get(plan.preset)
    if plan.against is not None and (preset is None or plan.against != preset.against):
        yield from ("--against", plan.against.partition("~")[0])


def _sizes(plan: Plan, preset: Preset, health: LoadProfile | None) -> Iterator[str]:
    if health is not None and health.vus != preset.health.vus:
        yield from ("--vus", str(health.vus))
    planned = [workload for workload in plan.workloads if workload.name in plan.loads]
    loads = ((plan.loads[workload.name], preset.load_of(workload)) for workload in planned)
    other_s = [load.duration_s for load, of_preset in loads if load.duration_s != of_preset.duration_s]
    if health is not None and health.duration_s != preset.health.duration_s:
        yield from ("--duration", f"{health.duration_s:g}s")
    elif health is None and other_s:
        yield from ("--duration", f"{other_s[0]:g}s")
    # Asked for, rounds are the same under every workload; as the preset has them, they are not.
    asked = any(
        plan.rounds.get(workload.name) not in {None, preset.rounds_of(workload)}
        for workload in plan.workloads
        if workload.name != EQUAL_RATE
    )
    # As many as the preset has, but every contender is measured in all of them.
    if plan.rounds and (asked or (preset.beside_every > 1 and not plan.every and _has_usual_contenders(plan))):
        yield from ("--rounds", str(max(plan.rounds.values())))


def _has_usual_contenders(plan: Plan) -> bool:
    preset = PRESETS.get(plan.preset)
    named = () if preset is None else preset.contenders
    usual = {contender.id for contender in (catalogue.select(named) if named else catalogue.WORKSHOP)}
    return {dataclasses.replace(contender, build="").id for contender in plan.contenders} == usual
