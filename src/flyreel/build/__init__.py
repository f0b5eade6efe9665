"""From clips to a set that is ready to publish: generate, audit, label, refine, split, and the card that tells it."""
