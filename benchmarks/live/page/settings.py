"""What the workshop page is started with."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path


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
