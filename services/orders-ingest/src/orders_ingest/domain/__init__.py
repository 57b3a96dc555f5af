"""What may be taken, how versions rank, what a file of history says: pure functions."""
