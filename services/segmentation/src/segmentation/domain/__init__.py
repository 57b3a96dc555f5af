"""What are the rules of segmentation? Pure functions: (state, event) -> (state, facts)."""
