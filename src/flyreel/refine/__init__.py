"""Weak questions made strong: the loop, its gates, its strategies, and the proof by solvers that took no part."""
