"""Files of history: staged as jobs and taken in order of time (ORD-005)."""
