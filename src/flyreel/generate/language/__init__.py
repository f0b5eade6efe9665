"""What a sentence holds: candidates for answers, and links between its things."""
