"""Double-entry, append-only ledgers of points and of growth."""
