"""Serve any Flask app on an ASGI server's own event loop: ``EventLoopBridge(app)``."""

from flask_app.serving.bridge.application import EventLoopBridge

__all__ = ["EventLoopBridge"]
