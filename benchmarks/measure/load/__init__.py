"""Load engines, each a small module behind one protocol (``engine``)."""
