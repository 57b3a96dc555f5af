"""feedback: what customers say, and asking them."""
