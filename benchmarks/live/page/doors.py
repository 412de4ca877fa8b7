"""What the page is started with, where a class can reach it, and that as a code to be photographed."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
import segno


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSettings:
    """What the workshop page is started with.

    Attributes:
        host: Address to listen on.
        port: TCP port to listen on.
        out: Folder in which races are kept, and from which the last one is shown again.
        url: Under which a class reaches it.
        qr_svg: That URL as a QR code, SVG; empty where only this machine can reach it.
    """

    host: str
    port: int
    out: Path
    url: str
    qr_svg: str = ""


def is_loopback(host: str) -> bool:
    """Say whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


ANYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 (compared, not bound)
"""Hosts that stand for all addresses of this machine."""

_NOT_WIFI: Final = ("docker", "br-", "veth", "virbr", "vmnet", "tun", "tap")


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Where the page is to be had.

    Attributes:
        url: For everybody.
        others: The same under this machine's other addresses.
        presenter_url: For whoever presents, once.
        qr: Of ``url``, in characters for a terminal; empty where only this machine can reach it.
    """

    url: str
    others: tuple[str, ...]
    presenter_url: str
    qr: str


def addresses(host: str) -> list[str]:
    """Return under which addresses others reach what listens on ``host``, the likeliest first."""
    if host not in ANYWHERE:
        return [host]
    found = [
        address.address
        for name, addresses in psutil.net_if_addrs().items()
        for address in addresses
        # Bridges of containers and virtual machines are no class's Wi-Fi.
        if address.family == socket.AF_INET and not is_loopback(address.address) and not name.startswith(_NOT_WIFI)
    ]
    return found or ["127.0.0.1"]


def url_of(address: str, port: int) -> str:
    """Return the URL of an address of either family."""
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


def in_characters(code: segno.QRCode) -> str:
    """Draw a QR code with half blocks, two modules a character, for any terminal."""
    rows = [[bool(module) for module in row] for row in code.matrix_iter(border=2)]
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    blocks = {(False, False): "█", (False, True): "▀", (True, False): "▄", (True, True): " "}
    lines = zip(rows[::2], rows[1::2], strict=True)
    return "\n".join("".join(blocks[pair] for pair in zip(*line, strict=True)) for line in lines)
