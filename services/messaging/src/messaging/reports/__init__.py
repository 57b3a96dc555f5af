"""Read-only queries of people."""
