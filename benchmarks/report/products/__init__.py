"""Builds the document of each product: its blocks and their order; nothing here depends on a format."""
