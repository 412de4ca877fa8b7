"""Draws a Run and its Judgement: inline SVG whose colours are the page's, each with its data in words."""
