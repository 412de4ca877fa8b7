"""The apps under test once more, with the recorder: a server process loads one of them for ``lab explain``.

These modules hook into libraries as they are imported; nothing but a server that is to be recorded imports them.
"""
