"""Partners who are given customers and orders under pseudonyms, and the register of it (SEC-007)."""
