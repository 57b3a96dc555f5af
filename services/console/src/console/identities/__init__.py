"""Who may be the same person, and who was said to be."""
