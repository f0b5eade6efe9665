"""One file per recipe, read from top to bottom; `flyreel train NAME` runs it."""
