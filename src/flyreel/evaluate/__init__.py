"""Scores: what a model's answers, or an embedder's rankings, are worth, and how sure that is."""
