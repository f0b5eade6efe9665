"""One way to write a question for a given answer per file."""
