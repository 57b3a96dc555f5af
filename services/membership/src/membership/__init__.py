"""What does a regular customer's loyalty earn? Tiers, points and their ledger."""
