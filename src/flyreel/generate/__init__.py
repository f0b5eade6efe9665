"""Text to questions: one file per method."""
