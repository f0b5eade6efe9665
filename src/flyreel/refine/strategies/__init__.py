"""How a weak question is made stronger: one strategy a file."""
