"""Builds a document of each product: what is told, in which order; nothing here knows a format."""
