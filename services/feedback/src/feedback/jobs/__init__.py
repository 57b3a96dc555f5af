"""What feedback does when time passes, or when an operator asks."""
