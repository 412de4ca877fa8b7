"""Serve any Flask app on an ASGI server's own event loop: ``EventLoopBridge(app)``."""

from flask_app.serving.bridge.application import EventLoopBridge
from flask_app.serving.bridge.flask_internals import UnsupportedFlaskError

__all__ = ["EventLoopBridge", "UnsupportedFlaskError"]
