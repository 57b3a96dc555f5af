"""Calls that people make: a message of the channel `phone` is a task until its outcome is told (MSG-021, MSG-022)."""
