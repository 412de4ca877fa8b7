"""Reports: documents of what was measured and judged, their formats, and charts."""
