"""Question files in: one file per foreign format, found by what the file holds rather than by its name."""
