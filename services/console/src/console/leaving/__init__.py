"""Who may leave and why, what customers are worth, and what kinds of buyers there are."""
