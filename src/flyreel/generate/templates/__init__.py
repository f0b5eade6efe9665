"""Kinds of question: shipped, mined from existing sets, edited by hand."""
