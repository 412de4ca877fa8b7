"""Tells a Run and its verdicts: terminal, markdown, html, charts."""
