"""What the loop is made of: batches ahead of time, processes, states, looks, curves, interrupts."""
