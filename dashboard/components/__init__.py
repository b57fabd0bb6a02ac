"""Drawn parts of the screen: HTML and SVG made here, and the few pieces that need JavaScript of their own."""
