"""What shops set about themselves."""
