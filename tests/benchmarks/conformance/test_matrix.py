"""The matrix: what differs from the native server, and whose doing a failure is, from what was seen alone."""

from __future__ import annotations

import dataclasses

import pytest

from benchmarks.conformance.matrix import Cell, Matrix, Outcome, Probed, Whose, judged
from benchmarks.conformance.probe import About

PROBE = About(id="p", title="It is so", source="RFC 0", effect="It hurts.", request="curl {url}{path} {probes}/x")
SIGNS: dict[str, Outcome] = {"+": "holds", "-": "fails", " ": "does not apply"}


def arrangement(name: str, sign: str, *, bridge: str = "none", native: str = "native", bare: str = "bare") -> Probed:
    """Return an arrangement on which the probe came to something."""
    cell = Cell(probe="p", outcome=SIGNS[sign[:1]], seen=f"Seen{sign[1:]}.")
    return Probed(id=name, command="run", versions={}, cells=(cell,), bridge=bridge, native=native, bare=bare)


def matrix(*arrangements: Probed) -> Matrix:
    """Judge the probe on these."""
    return judged([PROBE], arrangements, "3.13")


def cell(found: Matrix, name: str = "it") -> Cell:
    """Return what the probe came to."""
    probed = found.find(name)
    assert probed is not None
    return probed.cells[0]


@pytest.mark.parametrize(
    ("bare", "native", "bridge", "whose"),
    [
        ("-", "+", "none", "server"),
        ("-", "+", "b", "server"),
        ("-", "-", "b", "server"),
        ("+", "-", "none", "app"),
        ("+", "-", "b", "app"),
        ("+", "+", "b", "bridge"),
        (" ", "+", "b", "bridge or server"),
        ("+", "+", "none", "server with this app"),
        (" ", "+", "none", "server with this app"),
    ],
)
def test_a_failure_is_put_down_to_somebody(bare: str, native: str, bridge: str, whose: Whose) -> None:
    """By what the same server does with a bare app, and what the native server does with the same app."""
    of_native = arrangement("native", native, bare="bare-native")
    found = matrix(
        arrangement("it", "-", bridge=bridge),
        of_native,
        arrangement("bare", bare, native="", bare=""),
        arrangement("bare-native", "+", native="", bare=""),
    )

    assert whose == cell(found).whose


def test_without_a_bare_app_the_native_servers_own_tells() -> None:
    """Where each server fails by itself, the app is not to blame."""
    found = matrix(
        arrangement("it", "-", bare=""),
        arrangement("native", "-", bare="bare-native"),
        arrangement("bare-native", "-", native="", bare=""),
    )

    assert "server" == cell(found).whose


def test_the_native_servers_own_failure_is_the_apps_or_the_servers() -> None:
    """Its bare app tells."""
    for bare, whose in (("+", "app"), ("-", "server")):
        found = matrix(arrangement("native", "-"), arrangement("bare", bare, native="", bare=""))

        assert whose == cell(found, "native").whose


def test_a_bare_app_that_fails_is_its_server() -> None:
    """There is nothing else in it."""
    assert "server" == cell(matrix(arrangement("it", "-", native="", bare=""))).whose


@pytest.mark.parametrize(("mine", "native", "outcome"), [("+a", "+a", "holds"), ("+a", "+b", "differs")])
def test_what_holds_otherwise_than_on_the_native_server_differs(mine: str, native: str, outcome: Outcome) -> None:
    """It says both, and is put down to nobody."""
    found = cell(matrix(arrangement("it", mine), arrangement("native", native)))

    assert (outcome, None) == (found.outcome, found.whose)
    assert ("On the framework's native server: seenb." in found.seen) == (outcome == "differs")


def test_what_fails_on_the_native_server_is_nothing_to_differ_from() -> None:
    """Nor is one that is not there."""
    assert "holds" == cell(matrix(arrangement("it", "+a"), arrangement("native", "-b"))).outcome
    assert "holds" == cell(matrix(arrangement("it", "+a"))).outcome


def test_a_mended_server_turns_its_cell() -> None:
    """No name and no version has a say."""
    before, after = (arrangement("it", sign, bridge="b") for sign in "-+")
    rest = (arrangement("native", "+"), arrangement("bare", "+", native="", bare=""))

    assert ["fails", "holds"] == [cell(matrix(each, *rest)).outcome for each in (before, after)]


def test_a_request_is_filled_in() -> None:
    """With the server's address, the path, and the probe routes."""
    assert "curl http://127.0.0.1:8000/x http://127.0.0.1:8000/p/x" == PROBE.asking("/x", "/p").request
    assert PROBE == dataclasses.replace(PROBE.asking("/x", "/p"), request=PROBE.request)
