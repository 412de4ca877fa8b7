"""What tests that ignore charts have in their place: to draw them takes longer than all the rest of a report."""

from __future__ import annotations

BLANK = '<svg xmlns="http://www.w3.org/2000/svg"/>'
