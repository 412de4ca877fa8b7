"""Serve any Flask app on an ASGI server's own event loop: ``EventLoopBridge(app)``.

The package needs Flask, Werkzeug, asgiref and blinker, and imports its own modules relatively: a copy of the folder
works under any name.
"""

from .application import EventLoopBridge
from .never_blocks import never_blocks

__all__ = ["EventLoopBridge", "never_blocks"]
