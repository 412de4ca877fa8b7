"""Links to the repository's own files lead, in the built handbook, to copies of them.

The pages are read on GitHub too, where `../../flask_app/contract.py` is a link that works. In the built handbook such
a file lies outside of the pages. MyST makes a download of it, which is a copy beside the pages, so that a room without
internet can follow it. It does not do so for what it takes for a page, as it does a README outside of ``docs/``, and for
a folder, which has no copy. Those are said here: a page becomes a download like the rest, a folder is named and not linked.
"""
