"""What st-llm is made of: words, frozen vision, the net, batches, answers."""
