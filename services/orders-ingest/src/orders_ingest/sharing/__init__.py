"""Partners who are given orders and customers under pseudonyms, and the register of what they were given (SEC-007)."""
