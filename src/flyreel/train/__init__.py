"""Training: one readable file per recipe."""
