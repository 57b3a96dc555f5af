"""What a customer reacts to decides on which channel they are written to first (MSG-014, MSG-015)."""
