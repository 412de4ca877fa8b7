"""The recorder: notes, inside a server's process, where each request of a burst is.

The lab's own apps import it as it is. Somebody's app loads it from these files under another name, in its own Python:
so it imports the standard library and itself alone, relatively, and what else a process has only where that is loaded.
It runs on Python 3.9 or newer.
"""
