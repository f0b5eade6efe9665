"""One way to make questions per file."""
