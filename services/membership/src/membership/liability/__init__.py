"""What a shop owes in points by the month in which they expire, and how much of that is never asked for (MEM-053)."""
