"""What turns frames and words into vectors that can be compared: one file per embedder, and the cache they share."""
