"""What an entry of the catalogue says: a framework, and an app that is written with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.contenders.servers import TWINS, Interface
from benchmarks.model import Variant

OTHER_MARK = "D"
"""The marker of what has none of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    """What an app is written with.

    Attributes:
        id: In ids of contenders and in run.json.
        name: Its own spelling.
        interface: Between it and a server, where there is no bridge.
        hue: Its colour on a light page and on a dark one, hexadecimal; ``None`` for the colour of all others. Blue and
            vermilion are taken: every common form of colour blindness keeps them apart.
        mark: Its marker in charts, in matplotlib's letters.
        views: Where its views are, ``{what}`` being ``health`` or ``wait``; the live page shows their source.
        needs: What pip installs for it, where that does not come with the lab.
        probed: Name of the probe app that is written with it; empty for none.
    """

    id: str
    name: str
    interface: Interface
    hue: tuple[str, str] | None = None
    mark: str = OTHER_MARK
    views: str = ""
    needs: tuple[str, ...] = ()
    probed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One app under test, on one server or more.

    Attributes:
        framework: What it is written with.
        target: Its ``module:attribute``.
        description: One line for a person, with ``{server}`` for the server's name.
        bridge: The id of what lets an app of WSGI run on a server of ASGI, and what readers know it by; or ``none``.
        is_factory: Whether the attribute makes the app when it is called.
        keeps_loop: Whether its async views run on the server's own event loop.
        is_serial: Whether one thread serves the whole process, so that every client waits for all the others' waits.
        variants: Keywords of its views; ``None`` for a bare server, which has none.
        servers: Ids of those that it runs on; empty for all that speak its interface.
        usual: Ids of those on which a workshop compares it. On the others it is compared only if it is asked for.
        headline: The id of the server on which the ledger judges its claims; ``None`` if none are judged on it.
        recorded: The same app with the recorder in it, for ``lab explain``; ``None`` where nothing can be recorded.
        remarks: What to add to the description, by the server's id.
        targets: Where it is another ``module:attribute``, by the server's id.
    """

    framework: Framework
    target: str
    description: str
    bridge: str = "none"
    is_factory: bool = False
    keeps_loop: bool = True
    is_serial: bool = False
    variants: tuple[Variant | None, ...] = TWINS
    servers: tuple[str, ...] = ()
    usual: tuple[str, ...] = ()
    headline: str | None = None
    recorded: str | None = None
    remarks: Mapping[str, str] = field(default_factory=dict)
    targets: Mapping[str, str] = field(default_factory=dict)

    def target_on(self, server: str) -> str:
        """Return the ``module:attribute`` that a server is given."""
        return self.targets.get(server, self.target)

    @property
    def interface(self) -> Interface:
        """What a server must speak to serve it."""
        return self.framework.interface if self.bridge == "none" else "asgi"
