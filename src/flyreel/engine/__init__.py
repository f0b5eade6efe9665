"""How work is run: stages, and what the engine owns around them (concurrency, rates, retries, budget, resumption)."""
