"""Orders as they stand by their newest versions."""
