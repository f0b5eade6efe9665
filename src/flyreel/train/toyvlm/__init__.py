"""What toyvlm is made of: eyes, a reader of what they see, and scenes to learn from."""
