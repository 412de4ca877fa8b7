"""The apps under test with the recorder: a server process loads one of them for ``lab explain``.

These modules hook into libraries when they are imported; only a server that is recorded imports them.
"""
