"""Plots as SVG that a Markdown page links: readable on light and on dark, without a library. Pure."""
