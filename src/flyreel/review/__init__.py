"""People: the questions that wait for one, and what they decided."""
