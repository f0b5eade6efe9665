"""Documentation, and the script that generates its reference."""
