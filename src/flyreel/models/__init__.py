"""Who answers: one client for every OpenAI-compatible endpoint, the ledger under it, and scoring over it."""
