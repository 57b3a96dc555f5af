"""Messages are not too similar, and not promotions only."""
