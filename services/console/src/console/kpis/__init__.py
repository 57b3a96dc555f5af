"""Key figures, each with its definition."""
