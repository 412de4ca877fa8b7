"""Behaviour before speed: probes of what a server, a bridge and a framework must do, over real sockets."""
