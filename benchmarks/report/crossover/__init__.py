"""Tells a crossover map, and what it advises: in the terminal, as Markdown, as a page, and as data."""
